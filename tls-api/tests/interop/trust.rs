//! The trust options of the example programs: CRLs, key pins, SCTs and self-signed certificates;
//! and private keys in another process.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use libtest_mimic::Trial;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use strata_tls::Pin;
use strata_tls::pki_types::pem::PemObject;
use tls_crypto::HashAlgorithm;

use crate::certificates::{Files, Kind, ca_file, files, folder};
use crate::processes::{Exit, Running, Server};
use crate::programs::{Program, example};
use crate::{Outcome, contains, path_text, trial};

const OPENSSL: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("trust::pins", &[], pins),
        trial("trust::revoked_server_is_rejected", OPENSSL, || revoked(Role::Server)),
        trial("trust::revoked_client_is_rejected", OPENSSL, || revoked(Role::Client)),
        trial("trust::scts", OPENSSL, scts),
        trial("trust::self_signed_server_can_be_pinned", OPENSSL, self_signed),
    ];
    for kind in [Kind::EcdsaP256, Kind::Rsa] {
        let name = format!("trust::key_in_another_process::{}", kind.name());
        trials.push(trial(name, &[Program::Openssl, Program::Curl], move || remote_key(kind)));
    }
    trials
}

fn fetch(port: u16, options: &[&str]) -> Result<Exit, String> {
    let mut command = example("tlsclient")?;
    command
        .args(["--http", "/", "--port", &port.to_string(), "--cafile"])
        .arg(ca_file()?)
        .args(options)
        .arg("localhost");
    Running::start(command)?.finish()
}

fn expect_success(ended: &Exit) -> Outcome {
    if ended.status.success() { Ok(()) } else { Err(format!("{}: {}", ended.status, ended.stderr).into()) }
}

fn expect_failure(ended: &Exit, words: &str) -> Outcome {
    if ended.status.success() {
        Err("tlsclient expect_success the server".into())
    } else {
        contains(&ended.stderr, words)
    }
}

fn pins() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let key = fs::read_to_string(files(Kind::EcdsaP256)?.key).map_err(|e| e.to_string())?;
    let key = KeyPair::from_pem(&key).map_err(|e| e.to_string())?;
    let hash = HashAlgorithm::Sha256.hash(&key.subject_public_key_info());
    let pin = Pin(hash.as_ref().try_into().map_err(|_| "no hash")?).to_string();
    let wrong = Pin([1; 32]).to_string();
    expect_success(&fetch(server.port, &["--pin", &pin])?)?;
    expect_success(&fetch(server.port, &["--pin", &wrong, "--pin", &pin])?)?;
    // The error contains the right pin, so that the user can copy it.
    expect_failure(&fetch(server.port, &["--pin", &wrong])?, &pin)?;
    expect_failure(&fetch(server.port, &["--pin", "sha256/short"])?, "base64")
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Server,
    Client,
}

/// A CA made by `openssl ca`, with a CRL that lists one of two certificates.
fn revoked(role: Role) -> Outcome {
    let folder = folder()?.join(if role == Role::Server { "crl-server" } else { "crl-client" });
    fs::create_dir_all(folder.join("new")).map_err(|e| e.to_string())?;
    let path = |name: &str| folder.join(name);
    let configuration = format!(
        "[ca]\ndefault_ca=own\n[own]\ndatabase={0}/index\nnew_certs_dir={0}/new\nserial={0}/serial\ncrlnumber={0}/number\ncrl_extensions=list\ncertificate={0}/ca.pem\n\
         private_key={0}/ca.key\ndefault_md=sha256\ndefault_crl_days=7\ndefault_days=7\npolicy=any\ncopy_extensions=copy\n\
         [any]\ncommonName=supplied\n[list]\nauthorityKeyIdentifier=keyid\n",
        folder.display()
    );
    for (name, content) in [("conf", configuration.as_str()), ("index", ""), ("serial", "1000\n"), ("number", "01\n")] {
        fs::write(path(name), content).map_err(|e| e.to_string())?;
    }
    let openssl = |arguments: &[&str]| {
        let mut command = Program::Openssl.command();
        let output = command.current_dir(&folder).args(arguments).output().map_err(|e| e.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    };
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(&[&["req", "-x509", "-subj", "/CN=a CA", "-keyout", "ca.key", "-out", "ca.pem"], &new_key[..]].concat())?;
    for leaf in ["good", "bad"] {
        let (key, request) = (format!("{leaf}.key"), format!("{leaf}.csr"));
        let names = "subjectAltName=DNS:localhost";
        let subject = format!("/CN={leaf}");
        openssl(
            &[&["req", "-new", "-subj", &subject, "-addext", names, "-keyout", &key, "-out", &request], &new_key[..]]
                .concat(),
        )?;
        openssl(&["ca", "-batch", "-notext", "-config", "conf", "-in", &request, "-out", &format!("{leaf}.pem")])?;
    }
    openssl(&["ca", "-config", "conf", "-revoke", "bad.pem"])?;
    openssl(&["ca", "-config", "conf", "-gencrl", "-out", "crl.pem"])?;
    for (leaf, good) in [("good", true), ("bad", false)] {
        let own = Files { chain: path(&format!("{leaf}.pem")), key: path(&format!("{leaf}.key")) };
        let words = "it is revoked: CRL number 1 of ";
        match role {
            Role::Server => {
                let server = start(&own, &[])?;
                let ended = client(server.port, &[("--cafile", path("ca.pem")), ("--crl", path("crl.pem"))])?;
                if good { expect_success(&ended)? } else { expect_failure(&ended, words)? }
            }
            Role::Client => {
                let auth = [("--auth", path("ca.pem")), ("--crl", path("crl.pem"))];
                let server = start(&files(Kind::EcdsaP256)?, &auth)?;
                let identity = [("--cafile", ca_file()?), ("--auth-certs", own.chain), ("--auth-key", own.key)];
                let ended = client(server.port, &identity)?;
                if good {
                    expect_success(&ended)?;
                } else {
                    expect_failure(&ended, "certificate_revoked")?;
                    server.running.stderr.wait_for(words)?;
                }
            }
        }
    }
    Ok(())
}

fn start(own: &Files, options: &[(&str, PathBuf)]) -> Result<Server, String> {
    let mut command = example("tlsserver")?;
    command.args(["--port", "0", "--certs"]).arg(&own.chain).arg("--key").arg(&own.key);
    for (option, path) in options {
        command.arg(option).arg(path);
    }
    command.arg("http");
    let running = Running::start(command)?;
    let port = running.stdout.wait_for_port("listening on ").map_err(|e| e + &running.stderr.text())?;
    Ok(Server { running, port })
}

fn client(port: u16, options: &[(&str, PathBuf)]) -> Result<Exit, String> {
    let mut command = example("tlsclient")?;
    command.args(["--http", "/", "--port", &port.to_string()]);
    for (option, path) in options {
        command.arg(option).arg(path);
    }
    command.arg("localhost");
    Running::start(command)?.finish()
}

/// SCTs of a test log, verified by OpenSSL and by tlsclient.
fn scts() -> Outcome {
    let folder = folder()?;
    let own = files(Kind::EcdsaP256)?;
    let pem = fs::read(&own.chain).map_err(|e| e.to_string())?;
    let leaf = strata_tls::CertificateDer::from_pem_slice(&pem).map_err(|e| e.to_string())?;
    let log = KeyPair::generate().map_err(|e| e.to_string())?;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_err(|e| e.to_string())?.as_millis();
    let now = u64::try_from(now - 5000).map_err(|e| e.to_string())?.to_be_bytes();
    let length = u32::try_from(leaf.len()).map_err(|e| e.to_string())?.to_be_bytes();
    // RFC 6962 §3.2: version, type of signature, timestamp, type of entry, the certificate, no
    // extensions.
    let signed = [&[0, 0], &now[..], &[0, 0], &length[1..], &leaf, &[0, 0]].concat();
    let signature = log.sign(&signed).map_err(|e| e.to_string())?;
    let id = HashAlgorithm::Sha256.hash(&log.subject_public_key_info());
    let length = u16::try_from(signature.len()).map_err(|e| e.to_string())?.to_be_bytes();
    let sct = [&[0], id.as_ref(), &now, &[0, 0, 4, 3], &length, &signature].concat();
    let sct_file = folder.join("own.sct");
    fs::write(&sct_file, sct).map_err(|e| e.to_string())?;
    let server = start(&own, &[("--sct", sct_file)])?;

    let key: String = log.public_key_pem().lines().filter(|line| !line.starts_with('-')).collect();
    let list = folder.join("logs.conf");
    let text = format!("enabled_logs = own\n[own]\ndescription = own\nkey = {key}\n");
    fs::write(&list, text).map_err(|e| e.to_string())?;
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-ct", "-verify_return_error", "-connect", &server.address(), "-ctlogfile"]).arg(list);
    command.arg("-CAfile").arg(ca_file()?);
    let mut openssl = Running::start(command)?;
    openssl.close_stdin();
    contains(&openssl.succeed()?.text(), "SCT validation status: valid")?;

    let json = folder.join("logs.json");
    let text = |state: &str, made: &str| {
        format!(
            r#"{{"version":"1","log_list_timestamp":"{made}","operators":[{{"name":"we","logs":[{{"description":"own",
            "key":"{key}","state":{state}}}]}}]}}"#
        )
    };
    let usable = r#"{"usable":{"timestamp":"2020-01-01T00:00:00Z"}}"#;
    let write = |text: String| fs::write(&json, text).map_err(|e| e.to_string());
    let path = path_text(&json)?;
    let options = ["--ct-logs", path, "--ct-operators", "1"];
    write(text(usable, "2999-01-01T00:00:00Z"))?;
    expect_success(&fetch(server.port, &options)?)?;
    expect_failure(&fetch(server.port, &options[..2])?, "SCTs from 1 CT log operator(s)")?;
    let without = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    expect_failure(&fetch(without.port, &options)?, "SCTs from 0 CT log operator(s)")?;
    write(text(r#"{"retired":{"timestamp":"2020-01-01T00:00:00Z"}}"#, "2999-01-01T00:00:00Z"))?;
    expect_failure(&fetch(server.port, &options)?, "was issued afterwards or is not embedded")?;
    // An expired log list rejects nothing.
    write(text(usable, "2020-01-01T00:00:00Z"))?;
    expect_success(&fetch(without.port, &options)?)
}

/// A certificate as `openssl req -x509` makes it: with a server name, and also a CA certificate.
fn self_signed() -> Outcome {
    let folder = folder()?;
    let own = Files { chain: folder.join("self-signed.pem"), key: folder.join("self-signed.key") };
    let mut command = Program::Openssl.command();
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=my box",
    ]);
    command.args(["-addext", "subjectAltName=DNS:localhost", "-keyout"]).arg(&own.key).arg("-out").arg(&own.chain);
    let output = command.output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let server = start(&own, &[])?;
    let exact = ("--trust-exact", own.chain.clone());
    expect_success(&client(server.port, &[("--cafile", ca_file()?), exact.clone()])?)?;
    let other = start(&files(Kind::EcdsaP256)?, &[])?;
    expect_success(&client(other.port, &[("--cafile", ca_file()?), exact])?)?;
    // Without the option, the error has the remedy and the whole chain.
    let ended = client(server.port, &[("--cafile", ca_file()?)])?;
    expect_failure(&ended, "trust it with trust_exact_certificate")?;
    contains(&ended.stderr, "1: CN=my box, issued by CN=my box")
}

/// One thread serves several clients while their signatures are pending.
fn remote_key(kind: Kind) -> Outcome {
    let own = files(kind)?;
    let mut command = example("remote_signer")?;
    command.args(["sign", "--port", "0", "--key"]).arg(&own.key);
    let signing = Running::start(command)?;
    let signer_port = signing.stdout.wait_for_port("listening on ")?;
    let mut command = example("remote_signer")?;
    let signer = format!("127.0.0.1:{}", all_at_once(CLIENTS, signer_port)?);
    command.args(["serve", "--port", "0", "--signer", &signer, "--certs"]).arg(&own.chain);
    let server = Running::start(command)?;
    let port = server.stdout.wait_for_port("listening on ")?;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut command = Program::Curl.command();
        command.args(["--silent", "--show-error", if number % 2 == 0 { "--tlsv1.3" } else { "--tls-max" }]);
        if number % 2 == 1 {
            command.arg("1.2");
        }
        command.arg("--cacert").arg(ca_file()?).arg(format!("https://localhost:{port}/"));
        clients.push(Running::start(command)?);
    }
    for client in clients {
        contains(&client.succeed()?.text(), "signed by the remote signer")?;
    }
    Ok(())
}

const CLIENTS: usize = 6;

/// A proxy in front of a signer that forwards nothing until it holds `requests` requests, so that
/// as many signatures are pending at once. Returns its port.
fn all_at_once(requests: usize, signer: u16) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    std::thread::spawn(move || {
        let (mut server, _) = listener.accept()?;
        let mut signer = TcpStream::connect(("127.0.0.1", signer))?;
        let mut held = Vec::new();
        for _ in 0..requests {
            // Request number, scheme and message length, then the message.
            let mut header = [0; 8 + 2 + 4];
            server.read_exact(&mut header)?;
            let [.., a, b, c, d] = header;
            let mut message = vec![0; u32::from_be_bytes([a, b, c, d]) as usize];
            server.read_exact(&mut message)?;
            held.extend([&header[..], &message].concat());
        }
        signer.write_all(&held)?;
        io::copy(&mut signer, &mut server)
    });
    Ok(port)
}
