//! The house guards itself: systems are ordered, imports point one way, what would break determinism is not called.
//! Each guard is also shown to catch a fault that is planted for it.

mod ambiguity;
mod calls;
mod imports;
