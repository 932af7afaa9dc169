//! Each invariant holds for a good history and is broken by a bad one. Histories are planted, a few operations long.
