//! Rows of the table `key`.
