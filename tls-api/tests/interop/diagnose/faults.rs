//! Servers with a fault in their chain: each has its verdict, its advice, and the certificate that
//! is to blame.

use std::path::PathBuf;

use libtest_mimic::Trial;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::{Diagnosed, is_self_contained};
use crate::certificates::folder;
use crate::processes::Running;
use crate::programs::example;
use crate::{Outcome, contains, path_text, trial};

pub(super) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = FAULTS
        .iter()
        .map(|fault| trial(format!("diagnose::fault::{}", fault.name), &[], move || diagnose(fault)))
        .collect();
    trials.push(trial("diagnose::hostile_names_are_escaped_everywhere", &[], hostile_names));
    trials.push(trial("diagnose::chain_of_a_private_ca_is_accepted", &[], valid));
    trials
}

type Result<T> = std::result::Result<T, String>;

/// A CA.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn ca_params(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).map_err(|e| e.to_string())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

impl Ca {
    fn root(name: &str) -> Result<Self> {
        let (params, key) = (ca_params(name)?, KeyPair::generate().map_err(|e| e.to_string())?);
        let pem = params.self_signed(&key).map_err(|e| e.to_string())?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    fn below(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Result<Self> {
        let (mut params, key) = (ca_params(name)?, KeyPair::generate().map_err(|e| e.to_string())?);
        change(&mut params);
        let pem = params.signed_by(&key, &self.issuer).map_err(|e| e.to_string())?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// A certificate for localhost with its key, both PEM.
    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Result<(String, String)> {
        let (mut params, key) = (leaf_params()?, KeyPair::generate().map_err(|e| e.to_string())?);
        change(&mut params);
        let pem = params.signed_by(&key, &self.issuer).map_err(|e| e.to_string())?.pem();
        Ok((pem, key.serialize_pem()))
    }

    /// A CRL that lists the certificate of [`leaf`](Self::leaf).
    fn crl(&self) -> Result<String> {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(SERIAL),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).and_then(|crl| crl.pem()).map_err(|e| e.to_string())
    }
}

const SERIAL: u64 = 4711;

fn leaf_params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(|e| e.to_string())?;
    params.distinguished_name.push(DnType::CommonName, "a leaf");
    params.serial_number = Some(SerialNumber::from(SERIAL));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// What a server presents and a client trusts.
struct Setup {
    /// The end-entity certificate, its key, and the certificates after it.
    leaf: (String, String),
    above: Vec<String>,
    roots: String,
    crl: Option<String>,
}

impl Setup {
    fn new(leaf: (String, String), above: &[&Ca], root: &Ca) -> Self {
        Self { leaf, above: above.iter().map(|ca| ca.pem.clone()).collect(), roots: root.pem.clone(), crl: None }
    }

    /// Diagnoses a tlsserver that presents this, with and without JSON. `options` end with those of
    /// a page.
    fn diagnose(&self, name: &str, options: &[&str]) -> Result<Diagnosed> {
        let folder = folder()?.join(format!("fault-{name}"));
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let write = |name: &str, text: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|e| e.to_string())?;
            Ok(path)
        };
        let chain = write("chain.pem", &(self.leaf.0.clone() + &self.above.concat()))?;
        let (key, roots) = (write("key.pem", &self.leaf.1)?, write("roots.pem", &self.roots)?);
        let mut command = example("tlsserver")?;
        command.args(["--port", "0", "--timeout", "3600", "--certs"]).arg(chain).arg("--key").arg(key).arg("http");
        let server = Running::start(command)?;
        let port = server.stdout.wait_for_port("listening on ").map_err(|e| e + &server.stderr.text())?;
        let mut all = vec!["--cafile", path_text(&roots)?];
        let crl = self.crl.as_ref().map(|crl| write("crl.pem", crl)).transpose()?;
        if let Some(crl) = &crl {
            all.extend(["--crl-allow-unknown", "--crl", path_text(crl)?]);
        }
        all.extend(options);
        Diagnosed::of(&format!("localhost:{port}"), &all)
    }
}

struct Fault {
    name: &'static str,
    make: fn(&Ca, &Ca) -> Result<Setup>,
    /// The code of the finding, words of it and of its advice, and the certificate to blame.
    code: &'static str,
    words: &'static [&'static str],
    blamed: Option<usize>,
    /// Whether no handshake is possible, even if the certificate is trusted.
    stops_tests: bool,
}

/// A leaf of the intermediate CA with changed parameters.
fn changed(root: &Ca, intermediate: &Ca, change: impl FnOnce(&mut CertificateParams)) -> Result<Setup> {
    Ok(Setup::new(intermediate.leaf(change)?, &[intermediate], root))
}

/// A valid leaf of a CA below the intermediate, with changed parameters of that CA.
fn below(root: &Ca, intermediate: &Ca, change: impl FnOnce(&mut CertificateParams)) -> Result<Setup> {
    let between = intermediate.below("between", change)?;
    Ok(Setup::new(between.leaf(|_| {})?, &[&between, intermediate], root))
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "expired",
        make: |root, ca| changed(root, ca, |params| params.not_after = date_time_ymd(2001, 2, 3)),
        code: "expired",
        words: &["2001-02-03", "renew the certificate"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "not_yet_valid",
        make: |root, ca| changed(root, ca, |params| params.not_before = date_time_ymd(2998, 2, 3)),
        code: "not_yet_valid",
        words: &["2998-02-03", "check the date of this machine"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "expired_intermediate",
        make: |root, ca| below(root, ca, |params| params.not_after = date_time_ymd(2001, 2, 3)),
        code: "expired",
        words: &["2001-02-03", "current certificate of that CA"],
        blamed: Some(1),
        stops_tests: false,
    },
    Fault {
        name: "wrong_name",
        make: |root, ca| {
            changed(root, ca, |params| {
                params.subject_alt_names =
                    vec![rcgen::SanType::DnsName("bank.test".try_into().unwrap_or_else(|_| unreachable!()))];
            })
        },
        code: "wrong_name",
        words: &["localhost", "bank.test", "--servername"],
        blamed: Some(0),
        stops_tests: true,
    },
    Fault {
        name: "common_name_only",
        make: |root, ca| {
            changed(root, ca, |params| {
                params.subject_alt_names = Vec::new();
                params.distinguished_name.push(DnType::CommonName, "localhost");
            })
        },
        code: "wrong_name",
        words: &["subjectAltName", "the common name is not used"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "wildcard_of_two_labels",
        make: |root, ca| {
            changed(root, ca, |params| {
                params.subject_alt_names = CertificateParams::new(vec!["*.localhost".into()])
                    .map(|params| params.subject_alt_names)
                    .unwrap_or_default();
            })
        },
        code: "wrong_name",
        words: &["*.localhost", "exactly one label"],
        blamed: Some(0),
        stops_tests: true,
    },
    Fault {
        name: "unknown_ca",
        make: |_, _| {
            let (other, trusted) = (Ca::root("another root")?, Ca::root("a trusted root")?);
            let ca = other.below("its intermediate", |_| {})?;
            Ok(Setup::new(ca.leaf(|_| {})?, &[&ca, &other], &trusted))
        },
        code: "unknown_ca",
        words: &["CN=another root", "--cafile"],
        blamed: Some(2),
        stops_tests: false,
    },
    Fault {
        name: "missing_intermediate",
        make: |root, ca| Ok(Setup::new(ca.leaf(|_| {})?, &[], root)),
        code: "missing_intermediate",
        words: &["let the server send the certificate of CN=the intermediate", "fullchain.pem"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "self_signed",
        make: |root, _| {
            let key = KeyPair::generate().map_err(|e| e.to_string())?;
            let pem = leaf_params()?.self_signed(&key).map_err(|e| e.to_string())?.pem();
            Ok(Setup::new((pem, key.serialize_pem()), &[], root))
        },
        code: "self_signed",
        words: &["--trust-exact", "SHA-256"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "other_ca_key",
        make: |_, _| {
            let (old, new) = (Ca::root("the root")?, Ca::root("the root")?);
            Ok(Setup::new(old.leaf(|_| {})?, &[], &new))
        },
        code: "other_ca_key",
        words: &["CN=the root", "another key"],
        blamed: None,
        stops_tests: false,
    },
    Fault {
        name: "revoked",
        make: |root, ca| {
            let mut setup = changed(root, ca, |_| {})?;
            setup.crl = Some(ca.crl()?);
            Ok(setup)
        },
        code: "revoked",
        words: &["is revoked", "have a new certificate issued"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "ca_as_server",
        make: |root, ca| changed(root, ca, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        code: "ca_as_server",
        words: &["CA certificate", "issue a server certificate"],
        blamed: Some(0),
        stops_tests: false,
    },
    Fault {
        name: "wrong_purpose",
        make: |root, ca| {
            changed(root, ca, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])
        },
        code: "wrong_purpose",
        words: &["serverAuth"],
        blamed: None,
        stops_tests: true,
    },
    Fault {
        name: "wrong_key_usage",
        make: |root, ca| changed(root, ca, |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
        code: "wrong_purpose",
        words: &["digitalSignature"],
        blamed: Some(0),
        stops_tests: true,
    },
    Fault {
        name: "name_constraints",
        make: |root, ca| {
            below(root, ca, |params| {
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".into())],
                    excluded_subtrees: Vec::new(),
                });
            })
        },
        code: "name_constraints",
        words: &["name constraint", "another CA"],
        blamed: None,
        stops_tests: false,
    },
    Fault {
        name: "path_length",
        make: |root, _| {
            let upper = root.below("upper", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)))?;
            let lower = upper.below("lower", |_| {})?;
            Ok(Setup::new(lower.leaf(|_| {})?, &[&lower, &upper], root))
        },
        code: "path_length",
        words: &["path length", "fewer CA certificates"],
        blamed: None,
        stops_tests: false,
    },
    Fault {
        name: "issuer_is_no_ca",
        make: |root, ca| below(root, ca, |params| params.is_ca = IsCa::ExplicitNoCa),
        code: "issuer_is_no_ca",
        words: &["not a CA certificate", "issued by a CA"],
        blamed: Some(1),
        stops_tests: false,
    },
    Fault {
        name: "critical_extension",
        make: |root, ca| {
            changed(root, ca, |params| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            })
        },
        code: "critical_extension",
        words: &["1.2.3.4", "non-critical"],
        blamed: Some(0),
        stops_tests: true,
    },
];

fn diagnose(fault: &Fault) -> Outcome {
    let root = Ca::root("the root")?;
    let intermediate = root.below("the intermediate", |_| {})?;
    let found = (fault.make)(&root, &intermediate)?.diagnose(fault.name, &[])?;
    found.expect("problem")?;
    found.finding(fault.code, fault.words)?;
    // The first finding is the verdict.
    found.equals("/findings/0/code", fault.code)?;
    let chain = found.json["certificates"].as_array().ok_or("no certificates")?;
    for (at, certificate) in chain.iter().enumerate() {
        let failed = certificate["verdict"] == "failed";
        if fault.blamed.is_some() && failed != (fault.blamed == Some(at)) {
            return Err(format!("certificate {at} has the verdict {}:\n{}", certificate["verdict"], found.text).into());
        }
        if failed && (certificate["check"].is_null() || certificate["reason"].is_null()) {
            return Err(format!("certificate {at} failed without a reason:\n{}", found.text).into());
        }
        contains(&found.text, &format!("\nCertificate {at}, "))?;
    }
    // The server is asked further although its certificate is rejected.
    found.answer("versions", "TLSv1.2", None, "accepted")?;
    found.answer("signature_schemes", "ecdsa_secp256r1_sha256", Some("TLSv1.3"), "accepted")?;
    found.answer("signature_schemes", "ed25519", Some("TLSv1.3"), "refused")?;
    // Only the certificate is trusted for that, at a time of its validity.
    let tested = if fault.stops_tests { "not_tested" } else { "yes" };
    found.equals("/resumption/tls13_ticket", tested)?;
    if fault.stops_tests {
        contains(&found.text, "not tested: not even a test accepts the certificate: ")?;
    }
    Ok(())
}

fn valid() -> Outcome {
    let root = Ca::root("the root")?;
    let intermediate = root.below("the intermediate", |_| {})?;
    let mut setup = changed(&root, &intermediate, |_| {})?;
    let found = setup.diagnose("none", &[])?;
    found.expect("ok")?;
    for (at, issuer) in ["sent", "trust_anchor"].into_iter().enumerate() {
        found.equals(&format!("/certificates/{at}/verdict"), "accepted")?;
        found.equals(&format!("/certificates/{at}/issuer_certificate"), issuer)?;
    }
    // The report names what is sent beside the chain.
    setup.above.push(Ca::root("a stranger")?.pem);
    setup.above.push(root.pem.clone());
    let found = setup.diagnose("more", &[])?;
    found.expect("ok")?;
    found.equals("/certificates/2/verdict", "not_needed")?;
    found.equals("/certificates/3/verdict", "not_needed")?;
    found.finding("not_needed", &["CN=the root", "CN=a stranger", "remove them"])
}

/// Names of a certificate that would be markup, or control the terminal.
fn hostile_names() -> Outcome {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{1b}[2J\n\u{202e}<img src=x>";
    let root = Ca::root(HOSTILE)?;
    let leaf = root.leaf(|params| params.distinguished_name.push(DnType::OrganizationName, HOSTILE))?;
    let setup = Setup::new(leaf, &[], &Ca::root("a trusted root")?);
    let file = folder()?.join("hostile.html");
    let found = setup.diagnose("hostile", &["--html", path_text(&file)?])?;
    found.expect("problem")?;
    let page = std::fs::read_to_string(&file).map_err(|e| e.to_string())?;
    contains(&page, "&lt;script&gt;alert(1)&lt;/script&gt;")?;
    is_self_contained(&page.replace("src=x", ""))?;
    contains(&page, "&lt;img src=x&gt;")?;
    for text in [&page, &found.text, &found.exit.text(), &found.exit.stderr] {
        if text.contains(['\u{1b}', '\u{202e}']) {
            return Err(format!("a control character passed: {text:?}").into());
        }
    }
    Ok(())
}
