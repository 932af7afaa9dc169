//! Rows of the table `account`.
