//! Every reason to refuse a certificate, of servers and of clients, in both versions: what is said of it, which alert the peer gets, and
//! that no plaintext passed.

mod anchors;
mod crls;
mod cross_signed;
mod exact;
mod parts;
mod reasons;
mod scts;
mod staples;
mod world;
