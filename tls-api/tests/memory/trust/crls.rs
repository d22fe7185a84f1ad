//! Revocation lists.

use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, date_time_ymd};
use tls_api::{AlertDescription, CertificateError, ChainVerifier, Crls, RevocationSource};

use super::world::{Authority, INTERMEDIATE, LEAF, ROLES, World, outcome};
use crate::pki::VERSIONS;

/// All is well with the chain but for what the lists say: `None`, or why it is refused, with words of it.
fn judged(make: fn(&World) -> ChainVerifier, refused: Option<(AlertDescription, &str)>) {
    for role in ROLES {
        for version in VERSIONS {
            let world = World::new();
            match (outcome(role, version, world.good(), make(&world)), refused) {
                (Ok(()), None) => {}
                (Err((refusal, alert)), Some((expected, words))) => {
                    assert_eq!(alert, expected, "{refusal}");
                    assert!(refusal.to_string().contains(words), "no {words:?} in {refusal}");
                }
                (outcome, _) => panic!("{outcome:?} and not {refused:?} of {role:?} in {version}"),
            }
        }
    }
}

/// These lists, with these parts of the policy made lenient.
fn with(world: &World, lists: &[Vec<u8>], lenient: &[fn(&mut Crls, bool)]) -> ChainVerifier {
    let mut crls = Crls::from_der(lists).unwrap();
    lenient.iter().for_each(|set| set(&mut crls, true));
    let mut verifier = world.verifier();
    verifier.set_crls(Some(crls));
    verifier
}

#[test]
fn lists_that_say_nothing_of_it_let_it_pass() {
    judged(|world| world.with_crls(&[world.intermediate.crl(&[1, 2], |_| {}), world.root.crl(&[], |_| {})]), None);
}

#[test]
fn a_revoked_leaf_is_refused_and_a_revoked_authority_as_well() {
    let refused = Some((AlertDescription::CERTIFICATE_REVOKED, "was revoked: a revocation list names it"));
    judged(
        |world| world.with_crls(&[world.intermediate.crl(&[1, LEAF], |_| {}), world.root.crl(&[], |_| {})]),
        refused,
    );
    judged(
        |world| world.with_crls(&[world.intermediate.crl(&[], |_| {}), world.root.crl(&[INTERMEDIATE], |_| {})]),
        refused,
    );
    // Whatever is accepted where lists do not say.
    judged(
        |world| {
            with(
                world,
                &[world.intermediate.crl(&[LEAF], |_| {})],
                &[Crls::set_accept_unknown_status, Crls::set_accept_expired, Crls::set_end_entity_only],
            )
        },
        refused,
    );
}

#[test]
fn what_no_list_covers_is_refused_unless_that_is_accepted() {
    let unknown = Some((AlertDescription::CERTIFICATE_UNKNOWN, "no revocation list (CRL) covers a certificate"));
    judged(|world| world.with_crls(&[world.intermediate.crl(&[], |_| {})]), unknown);
    judged(|world| world.with_crls(&[Authority::root("somebody else").crl(&[], |_| {})]), unknown);
    judged(|world| world.with_crls(&[]), unknown);
    judged(|world| with(world, &[world.intermediate.crl(&[], |_| {})], &[Crls::set_accept_unknown_status]), None);
    judged(|world| with(world, &[world.intermediate.crl(&[], |_| {})], &[Crls::set_end_entity_only]), None);
}

#[test]
fn a_list_that_is_out_of_date_is_refused_unless_that_is_accepted() {
    fn old(world: &World) -> Vec<Vec<u8>> {
        vec![
            world.intermediate.crl(&[], |params| params.next_update = date_time_ymd(2001, 2, 3)),
            world.root.crl(&[], |_| {}),
        ]
    }
    let refused = (AlertDescription::CERTIFICATE_UNKNOWN, "the next one was due at 2001-02-03 00:00:00 UTC");
    judged(|world| world.with_crls(&old(world)), Some(refused));
    judged(|world| with(world, &old(world), &[Crls::set_accept_expired]), None);
}

#[test]
fn of_two_lists_of_an_authority_the_newer_counts_in_whatever_order() {
    for newest_names_it in [true, false] {
        for newest_first in [true, false] {
            let world = World::new();
            let list = |made: i32, names: bool| {
                world.intermediate.crl(if names { &[LEAF] } else { &[] }, |params| {
                    params.this_update = date_time_ymd(made, 1, 1);
                })
            };
            let (new, old) = (list(2010, newest_names_it), list(2005, !newest_names_it));
            let both = if newest_first { [new, old] } else { [old, new] };
            let verifier = world.with_crls(&[&both[..], &[world.root.crl(&[], |_| {})]].concat());
            let outcome = outcome(ROLES[0], VERSIONS[0], world.good(), verifier);
            assert_eq!(outcome.is_err(), newest_names_it, "newest first: {newest_first}; {outcome:?}");
        }
    }
}

#[test]
fn a_list_that_somebody_else_signed_is_refused() {
    judged(
        |world| world.with_crls(&[Authority::root("the intermediate").crl(&[], |_| {}), world.root.crl(&[], |_| {})]),
        Some((AlertDescription::CERTIFICATE_UNKNOWN, "its signature is wrong, or of another key")),
    );
}

#[test]
fn a_partitioned_list_is_for_the_certificates_that_name_its_place() {
    const PLACE: &str = "http://lists.test/1";
    let place = |uri: &str| CrlDistributionPoint { uris: vec![uri.to_owned()] };
    for (named, revoked, good) in [(PLACE, 1, true), (PLACE, LEAF, false), ("http://lists.test/2", 1, false)] {
        for role in ROLES {
            let world = World::new();
            let leaf = world.intermediate.leaf(|params| params.crl_distribution_points = vec![place(named)]);
            let partition = world.intermediate.crl(&[revoked], |params| {
                params.issuing_distribution_point =
                    Some(CrlIssuingDistributionPoint { distribution_point: place(PLACE), scope: None });
            });
            let verifier = world.with_crls(&[partition, world.root.crl(&[], |_| {})]);
            let outcome = outcome(role, VERSIONS[0], leaf.with(&[&world.intermediate]), verifier);
            assert_eq!(outcome.is_ok(), good, "{named} {revoked}: {outcome:?}");
            if let Err((refusal, _)) = outcome {
                let expected = match revoked {
                    LEAF => CertificateError::Revoked { by: RevocationSource::Crl },
                    _ => CertificateError::UnknownRevocationStatus,
                };
                assert_eq!(refusal.why, expected);
            }
        }
    }
}

#[test]
fn what_is_no_list_is_refused_when_it_is_loaded() {
    let world = World::new();
    let good = world.root.crl(&[], |_| {});
    for cut in [0, 1, good.len() - 1] {
        let e = Crls::from_der([&good[..], &good[..cut]]).unwrap_err();
        assert!(e.to_string().contains("list number 2"), "{e}");
    }
    assert!(Crls::from_pem(b"").unwrap_err().to_string().contains("BEGIN X509 CRL"));
    assert!(Crls::from_pem(b"-----BEGIN X509 CRL-----\nAAAA").is_err());
}
