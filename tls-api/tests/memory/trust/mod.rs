//! Every reason to reject a certificate, in both roles and versions: the error text, the alert, and
//! that no plaintext passes.

mod anchors;
mod crls;
mod cross_signed;
mod exact;
mod parts;
mod reasons;
mod scts;
mod staples;
mod world;
