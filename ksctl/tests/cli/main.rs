//! The program as users and scripts meet it: the real binary, real files, real TLS.
//!
//! One test binary for all of it. [`appliance`] is a stand-in for an appliance that answers what a test tells it to;
//! [`ksctl`] runs the program with an empty home and environment. Then one file a topic.

mod appliance;
mod files;
mod fulljoin;
mod generated;
mod ksctl;
mod session;
mod terminal;
mod text;
mod three_steps;
mod transport;
