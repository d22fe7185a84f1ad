//! OCSP responses from `openssl ocsp`: verified by the library, and stapled by `openssl s_server`,
//! nginx and tlsserver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libtest_mimic::Trial;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SerialNumber,
    date_time_ymd,
};
use strata_tls::{
    CertificateDer, CertificateError, ChainVerifier, OcspError, OcspPolicy, RevocationSource, RootCertStore,
    ServerName, ServerVerifier, Stapled, UnixTime,
};

use crate::certificates::folder;
use crate::diagnose::Diagnosed;
use crate::processes::{Running, Server, free_port};
use crate::programs::{Program, example};
use crate::{Outcome, contains, path_text, trial};

const OPENSSL: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> =
        RESPONSES.iter().map(|case| trial(format!("ocsp::response::{}", case.name), OPENSSL, || case.run())).collect();
    for (version, option) in [("1.2", "-tls1_2"), ("1.3", "-tls1_3")] {
        for (name, response, rejection) in STAPLED {
            let run = move || openssl_staples(option, response, rejection);
            trials.push(trial(format!("ocsp::{version}::openssl_staples::{name}"), OPENSSL, run));
            let run = move || nginx_staples(version, response, rejection);
            trials.push(trial(format!("ocsp::{version}::nginx_staples::{name}"), NGINX, run));
        }
        trials
            .push(trial(format!("ocsp::{version}::tlsserver_staples_to_openssl"), OPENSSL, move || we_staple(option)));
    }
    trials.push(trial("ocsp::tlsserver_refuses_what_clients_reject", OPENSSL, we_refuse));
    trials.push(trial("ocsp::diagnosis_tells_good_bad_and_revoked", OPENSSL, diagnosis));
    trials
}

const NGINX: &[Program] = &[Program::Openssl, Program::Nginx];

/// A leaf and its issuer, an impostor CA of the same name, and OCSP responders.
struct Pki {
    folder: PathBuf,
    issuer: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
}

/// The serial numbers of the leaf and of another certificate.
const LEAF: u64 = 0x1234;
const OTHER: u64 = 0x5678;

static PKI: OnceLock<Result<Pki, String>> = OnceLock::new();

fn pki() -> Result<&'static Pki, String> {
    PKI.get_or_init(|| Pki::make().map_err(|e| e.to_string())).as_ref().map_err(Clone::clone)
}

impl Pki {
    fn make() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = folder()?.join("ocsp");
        fs::create_dir_all(&folder)?;
        let make_ca = |name: &str| -> Result<_, Box<dyn std::error::Error>> {
            let mut params = CertificateParams::new(Vec::new())?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, "the issuer");
            let key = KeyPair::generate()?;
            let made = params.self_signed(&key)?;
            fs::write(folder.join(format!("{name}.pem")), made.pem())?;
            fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
            Ok((made.der().clone(), Issuer::new(params, key)))
        };
        let (issuer_der, issuer) = make_ca("issuer")?;
        let (_, impostor) = make_ca("impostor")?;
        let issue = |name: &str, by: &Issuer<'_, KeyPair>, serial: u64, spoil: &dyn Fn(&mut CertificateParams)| {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.serial_number = Some(SerialNumber::from(serial));
            spoil(&mut params);
            let key = KeyPair::generate()?;
            let made = params.signed_by(&key, by)?;
            fs::write(folder.join(format!("{name}.pem")), made.pem())?;
            fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
            Ok::<_, Box<dyn std::error::Error>>(made.der().clone())
        };
        let signs_ocsp = |params: &mut CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        };
        let leaf = issue("leaf", &issuer, LEAF, &|_| {})?;
        issue("other", &issuer, OTHER, &|_| {})?;
        issue("responder", &issuer, 3, &signs_ocsp)?;
        issue("without_eku", &issuer, 4, &|_| {})?;
        issue("for_servers", &issuer, 5, &|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })?;
        issue("expired_responder", &issuer, 6, &|params| {
            signs_ocsp(params);
            params.not_after = date_time_ymd(2001, 1, 1);
        })?;
        issue("responder_of_the_impostor", &impostor, 7, &signs_ocsp)?;
        let chain = fs::read_to_string(folder.join("leaf.pem"))? + &fs::read_to_string(folder.join("issuer.pem"))?;
        fs::write(folder.join("chain.pem"), chain)?;
        Ok(Self { folder, issuer: issuer_der, leaf })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// How `openssl ocsp` makes a response, and the library's expected verification result.
#[derive(Clone, Copy)]
struct Response {
    name: &'static str,
    /// The leaf's status at the responder.
    status: Status,
    /// The certificate that the response covers.
    about: &'static str,
    /// The CA that the response names as the issuer.
    ca: &'static str,
    signer: &'static str,
    options: &'static [&'static str],
    /// Seconds to add to the verifier's clock.
    ahead: i64,
    result: Expected,
}

#[derive(Clone, Copy, PartialEq)]
enum Status {
    Good,
    Revoked,
    Unknown,
}

#[derive(Clone, Copy)]
enum Expected {
    Good,
    Revoked,
    /// Unusable: rejected only if the policy requires a response.
    Unusable(fn(&OcspError) -> bool),
}

const DAY: i64 = 86_400;
const GOOD: Response = Response {
    name: "good",
    status: Status::Good,
    about: "leaf",
    ca: "issuer",
    signer: "issuer",
    options: &["-ndays", "7"],
    ahead: 0,
    result: Expected::Good,
};
const UNTRUSTED: Expected = Expected::Unusable(|e| *e == OcspError::UntrustedResponder);
const RESPONDER: Expected = Expected::Unusable(|e| matches!(e, OcspError::ResponderRejected { .. }));
const EXPIRED: Expected = Expected::Unusable(|e| matches!(e, OcspError::Expired { .. }));

const RESPONSES: &[Response] = &[
    GOOD,
    Response { name: "good_under_sha256", options: &["-ndays", "7", "-sha256"], ..GOOD },
    Response { name: "good_by_key_id", options: &["-ndays", "7", "-resp_key_id"], ..GOOD },
    Response { name: "good_without_certificates", options: &["-ndays", "7", "-resp_no_certs"], ..GOOD },
    Response { name: "good_on_the_last_day", ahead: 7 * DAY - 60, ..GOOD },
    Response { name: "revoked", status: Status::Revoked, result: Expected::Revoked, ..GOOD },
    Response {
        name: "unknown",
        status: Status::Unknown,
        result: Expected::Unusable(|e| *e == OcspError::UnknownCertificate),
        ..GOOD
    },
    Response { name: "expired", ahead: 8 * DAY, result: EXPIRED, ..GOOD },
    Response { name: "revoked_and_expired", status: Status::Revoked, ahead: 8 * DAY, result: EXPIRED, ..GOOD },
    Response { name: "without_next_update", options: &[], ahead: DAY / 2, ..GOOD },
    Response { name: "without_next_update_and_old", options: &[], ahead: 2 * DAY, result: EXPIRED, ..GOOD },
    Response {
        name: "of_the_future",
        ahead: -DAY,
        result: Expected::Unusable(|e| matches!(e, OcspError::NotYetValid { .. })),
        ..GOOD
    },
    Response {
        name: "about_another_certificate",
        about: "other",
        result: Expected::Unusable(|e| matches!(e, OcspError::OtherCertificate { .. })),
        ..GOOD
    },
    Response {
        name: "about_the_same_serial_number_of_another_ca",
        ca: "impostor",
        result: Expected::Unusable(|e| matches!(e, OcspError::OtherCertificate { .. })),
        ..GOOD
    },
    Response {
        name: "with_a_wrong_signature",
        options: &["-ndays", "7", "-badsig"],
        result: Expected::Unusable(|e| *e == OcspError::BadSignature),
        ..GOOD
    },
    // The impostor has the issuer's name and signs with its own key.
    Response {
        name: "signed_by_an_impostor",
        signer: "impostor",
        result: Expected::Unusable(|e| *e == OcspError::BadSignature),
        ..GOOD
    },
    Response {
        name: "signed_by_an_impostors_key_id",
        signer: "impostor",
        options: &["-ndays", "7", "-resp_key_id"],
        result: UNTRUSTED,
        ..GOOD
    },
    Response { name: "delegated", signer: "responder", ..GOOD },
    Response { name: "delegated_by_key_id", signer: "responder", options: &["-ndays", "7", "-resp_key_id"], ..GOOD },
    Response {
        name: "delegated_and_revoked",
        signer: "responder",
        status: Status::Revoked,
        result: Expected::Revoked,
        ..GOOD
    },
    Response {
        name: "delegated_without_the_certificate",
        signer: "responder",
        options: &["-ndays", "7", "-resp_no_certs"],
        result: UNTRUSTED,
        ..GOOD
    },
    Response { name: "delegated_without_eku", signer: "without_eku", result: RESPONDER, ..GOOD },
    Response { name: "delegated_with_another_eku", signer: "for_servers", result: RESPONDER, ..GOOD },
    Response { name: "delegated_to_an_expired_one", signer: "expired_responder", result: RESPONDER, ..GOOD },
    Response { name: "delegated_by_an_impostor", signer: "responder_of_the_impostor", result: RESPONDER, ..GOOD },
    Response { name: "signed_by_the_leaf_itself", signer: "leaf", result: RESPONDER, ..GOOD },
];

impl Response {
    /// Lets `openssl ocsp` make the response. Returns its file.
    fn make(&self) -> Result<PathBuf, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (pki, number) = (pki()?, COUNT.fetch_add(1, Ordering::Relaxed));
        let file = |name: &str| pki.path(&format!("{number}.{name}"));
        let known = match self.status {
            Status::Good => format!("V\t401231235959Z\t\t{LEAF:04X}\tunknown\t/CN=leaf\n"),
            Status::Revoked => format!("R\t401231235959Z\t200101000000Z\t{LEAF:04X}\tunknown\t/CN=leaf\n"),
            Status::Unknown => String::new(),
        };
        let index = known + &format!("V\t401231235959Z\t\t{OTHER:04X}\tunknown\t/CN=other\n");
        fs::write(file("index"), index).map_err(|e| e.to_string())?;
        let hash = if self.options.contains(&"-sha256") { &["-sha256"][..] } else { &[] };
        let mut request = Program::Openssl.command();
        request.arg("ocsp").args(hash).arg("-issuer").arg(pki.path(&format!("{}.pem", self.ca))).arg("-cert");
        request.arg(pki.path(&format!("{}.pem", self.about))).args(["-no_nonce", "-reqout"]).arg(file("request"));
        run(request)?;
        let mut respond = Program::Openssl.command();
        respond.arg("ocsp").arg("-index").arg(file("index")).arg("-CA").arg(pki.path(&format!("{}.pem", self.ca)));
        respond.arg("-rsigner").arg(pki.path(&format!("{}.pem", self.signer)));
        respond.arg("-rkey").arg(pki.path(&format!("{}.key", self.signer)));
        respond.args(self.options.iter().filter(|option| **option != "-sha256"));
        respond.arg("-reqin").arg(file("request")).arg("-respout").arg(file("response"));
        run(respond)?;
        Ok(file("response"))
    }

    fn run(&self) -> Outcome {
        let response = fs::read(self.make()?).map_err(|e| e.to_string())?;
        for policy in [OcspPolicy::Ignore, OcspPolicy::Soft, OcspPolicy::Require] {
            let result = verify(policy, &response, self.ahead)?;
            let strict = policy == OcspPolicy::Require;
            let as_expected = match (self.result, &result) {
                (_, Ok(())) if policy == OcspPolicy::Ignore => true,
                (Expected::Good, Ok(())) => true,
                (Expected::Revoked, Err(e)) => {
                    matches!(e, CertificateError::Revoked { by: RevocationSource::Ocsp, .. })
                }
                (Expected::Unusable(is), Err(CertificateError::Ocsp(e))) => strict && is(e),
                (Expected::Unusable(_), Ok(())) => !strict,
                _ => false,
            };
            if !as_expected {
                return Err(format!("{policy:?}: {result:?}").into());
            }
        }
        // A truncated response is never accepted. (The tests of `verify::ocsp` change bytes.)
        for cut in 0..response.len() {
            if verify(OcspPolicy::Require, &response[..cut], self.ahead)?.is_ok() {
                return Err(format!("the response is accepted when truncated to {cut} bytes").into());
            }
        }
        Ok(())
    }
}

/// Verifies the leaf with this response, `ahead` seconds from now.
fn verify(policy: OcspPolicy, response: &[u8], ahead: i64) -> Result<Result<(), CertificateError>, String> {
    let pki = pki()?;
    let mut roots = RootCertStore::new();
    roots.add(&pki.issuer).map_err(|e| e.to_string())?;
    let mut verifier = ServerVerifier::new(ChainVerifier::new(roots));
    verifier.set_ocsp_policy(policy);
    let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
    let now = UnixTime::now().as_secs().checked_add_signed(ahead).ok_or("no such time")?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let result = verifier.verify(
        std::slice::from_ref(&pki.leaf),
        &name,
        &Stapled::new(Some(response), strata_tls::codec::List::empty()),
        now,
    );
    Ok(result.map_err(|refusal| refusal.why))
}

fn run(mut command: std::process::Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Stapled responses, with words of tlsclient's error under `--require-ocsp` if it rejects them.
const STAPLED: [(&str, Response, Option<&str>); 4] = [
    ("good", GOOD, None),
    ("delegated", Response { signer: "responder", ..GOOD }, None),
    (
        "revoked",
        Response { status: Status::Revoked, ..GOOD },
        Some("it is revoked: the stapled OCSP response reports it"),
    ),
    ("about_another", Response { about: "other", ..GOOD }, Some("is for another certificate")),
];

/// Runs a tlsclient that requires an OCSP response.
fn fetch(port: u16, rejection: Option<&str>) -> Outcome {
    let mut command = example("tlsclient")?;
    command.args(["--require-ocsp", "--http", "/", "--port", &port.to_string(), "--cafile"]);
    command.arg(pki()?.path("issuer.pem")).arg("localhost");
    let ended = Running::start(command)?.finish()?;
    match rejection {
        None if ended.status.success() => contains(&ended.text(), "HTTP/1."),
        None => Err(format!("tlsclient ended with {}: {}", ended.status, ended.stderr).into()),
        Some(words) => contains(&ended.stderr, words),
    }
}

fn openssl_staples(version: &str, response: Response, rejection: Option<&str>) -> Outcome {
    let (pki, response) = (pki()?, response.make()?);
    let mut command = Program::Openssl.command();
    command.args(["s_server", "-accept", "0", "-naccept", "1", "-www", version, "-cert"]).arg(pki.path("leaf.pem"));
    command.arg("-key").arg(pki.path("leaf.key")).arg("-status_file").arg(response);
    let server = Running::start(command)?;
    let port = server.stdout.wait_for_port("ACCEPT ")?;
    fetch(port, rejection)
}

/// `tlsclient --diagnose` checks the response as `--require-ocsp` does, but rejects only what is
/// revoked.
fn diagnosis() -> Outcome {
    let cases = [
        (GOOD, "ok", "good", ""),
        (Response { signer: "leaf", ..GOOD }, "warning", "bad", "ocsp_response"),
        (Response { status: Status::Revoked, ..GOOD }, "problem", "not_checked", "revoked"),
    ];
    let pki = pki()?;
    for (response, result, status, code) in cases {
        let mut command = Program::Openssl.command();
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cipher", "ECDHE+AESGCM", "-cert"]);
        command.arg(pki.path("leaf.pem")).arg("-key").arg(pki.path("leaf.key"));
        command.arg("-status_file").arg(response.make()?);
        let server = Running::start(command)?;
        let port = server.stdout.wait_for_port("ACCEPT ")?;
        let issuer = pki.path("issuer.pem");
        let found = Diagnosed::of(&format!("localhost:{port}"), &["--cafile", path_text(&issuer)?])?;
        found.expect(result)?;
        found.equals("/ocsp/stapled", true)?;
        found.equals("/ocsp/status", status)?;
        if !code.is_empty() {
            found.finding(code, &["OCSP"])?;
        }
    }
    Ok(())
}

fn nginx_staples(version: &str, response: Response, rejection: Option<&str>) -> Outcome {
    let (pki, response) = (pki()?, response.make()?);
    let staple = path_text(&response)?;
    let settings = format!("ssl_stapling on; ssl_stapling_file {staple};");
    let folder = response.with_extension("nginx");
    let (_running, port) = nginx(&folder, version, &pki.path("chain.pem"), &pki.path("leaf.key"), &settings)?;
    fetch(port, rejection)
}

/// An nginx that answers every request with `hello`, and its port.
pub(crate) fn nginx(
    folder: &Path,
    version: &str,
    chain: &Path,
    key: &Path,
    settings: &str,
) -> Result<(Running, u16), String> {
    let port = free_port()?;
    fs::create_dir_all(folder.join("logs")).map_err(|e| e.to_string())?;
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr notice; events {{}}\n\
         http {{ access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u;\n\
         scgi_temp_path s; server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {};\n\
         ssl_certificate_key {}; ssl_protocols TLSv{version}; {settings} return 200 \"hello\\n\"; }} }}\n",
        chain.display(),
        key.display(),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).map_err(|e| e.to_string())?;
    let mut command = Program::Nginx.command();
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    let server = Running::start(command)?;
    // nginx logs this after it has started to listen.
    server.stderr.wait_for("nginx/")?;
    Ok((server, port))
}

fn we_staple(version: &str) -> Outcome {
    let (pki, response) = (pki()?, GOOD.make()?);
    let mut command = example("tlsserver")?;
    command.args(["--port", "0", "--certs"]).arg(pki.path("chain.pem")).arg("--key").arg(pki.path("leaf.key"));
    command.arg("--ocsp").arg(response).arg("http");
    let running = Running::start(command)?;
    let port = running.stdout.wait_for_port("listening on ")?;
    let server = Server { running, port };
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-status", "-verify_return_error", version, "-connect", &server.address(), "-CAfile"]);
    command.arg(pki.path("issuer.pem"));
    let mut client = Running::start(command)?;
    client.close_stdin();
    let ended = client.succeed()?;
    contains(&ended.text(), "OCSP Response Status: successful")?;
    contains(&ended.text(), "Cert Status: good")
}

/// `--ocsp` with what a script of an operator may have fetched.
fn we_refuse() -> Outcome {
    let pki = pki()?;
    let page = pki.path("page.html");
    fs::write(&page, "<html>")?;
    for (file, words) in [
        (pki.path("chain.pem"), "it is PEM without a section OCSP RESPONSE"),
        (page, "it is HTML or XML"),
        (Response { about: "other", ..GOOD }.make()?, "it is for another certificate: expected serial number 1234"),
        (Response { status: Status::Revoked, ..GOOD }.make()?, "reports the certificate as revoked"),
        (Response { signer: "leaf", ..GOOD }.make()?, "it is signed"),
    ] {
        let server = |unchecked: &[&str]| -> Result<_, String> {
            let mut command = example("tlsserver")?;
            command.args(["--port", "0", "--certs"]).arg(pki.path("chain.pem")).arg("--key").arg(pki.path("leaf.key"));
            command.arg("--ocsp").arg(&file).args(unchecked).arg("http");
            Running::start(command)
        };
        let ended = server(&[])?.finish()?;
        if ended.status.success() {
            return Err(format!("{words}: no error").into());
        }
        contains(&ended.stderr, words)?;
        contains(&ended.stderr, "--unchecked-ocsp")?;
        server(&["--unchecked-ocsp"])?.stdout.wait_for("listening on ")?;
    }
    Ok(())
}
