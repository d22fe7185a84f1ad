//! Files that other programs write are read, and the commands that errors recommend work.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use strata_tls::{Crls, Identity, certs_from_pem, root_store_from_bytes, root_store_from_pem};
use zeroize::Zeroizing;

use crate::certificates::folder;
use crate::programs::Program::{self, Certtool, Keytool, Openssl, SshKeygen};
use crate::{Outcome, contains, path_text, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("files: what openssl reads is read", &[Openssl], read_like_openssl),
        trial("files: keys of certtool", &[Certtool, Openssl], keys_of_certtool),
        trial("files: a key of a Java keystore", &[Keytool, Openssl], key_of_java),
        trial("files: commands for certificates work", &[Openssl], commands_for_certificates),
        trial("files: commands for keys work", &[Openssl], commands_for_keys),
        #[cfg(feature = "encrypted-keys")]
        trial("files: encrypted keys load", &[Openssl, Certtool], encrypted_keys),
        #[cfg(feature = "pkcs12")]
        trial("files: PKCS#12 loads", &[Openssl, Certtool, Keytool], pkcs12),
        trial("files: the command for keys of OpenSSH works", &[SshKeygen, Openssl], command_for_openssh_keys),
    ]
}

/// A folder of its own for a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self, String> {
        let path = folder()?.join(name);
        fs::create_dir_all(&path).map_err(|e| e.to_string())?;
        Ok(Self(path))
    }

    fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        fs::read(self.0.join(name)).map(Zeroizing::new).map_err(|e| format!("{name}: {e}"))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.0.join(name), text).map_err(|e| format!("{name}: {e}"))
    }

    /// Runs a command, split at spaces, in this folder. Returns whether it succeeds.
    fn succeeds(&self, program: Program, command: &str) -> Result<bool, String> {
        let mut process = program.command();
        process.args(command.split(' ').map(|word| if word == "''" { "" } else { word })).current_dir(&self.0);
        let output = process.output().map_err(|e| format!("{}: {e}", program.name()))?;
        Ok(output.status.success())
    }

    fn run(&self, program: Program, command: &str) -> Outcome {
        match self.succeeds(program, command)? {
            true => Ok(()),
            false => Err(format!("{} {command} failed", program.name()).into()),
        }
    }

    /// Creates `key.pem` with openssl's options and the self-signed `cert.pem`.
    fn make(&self, options: &str) -> Outcome {
        self.run(Openssl, &format!("genpkey {options} -out key.pem"))?;
        self.certify("key.pem")
    }

    /// Creates `cert.pem` for a key.
    fn certify(&self, key: &str) -> Outcome {
        self.run(Openssl, &format!("req -x509 -key {key} -subj /CN=a.test -days 3650 -out cert.pem"))
    }

    fn identity(&self, certs: &str, key: &str) -> Result<Identity, String> {
        Identity::from_pem(&self.read(certs)?, &self.read(key)?).map_err(|e| format!("{certs}, {key}: {e}"))
    }

    /// Loads `cert.pem` with a key, which must fail with these words.
    fn expect_rejected_key(&self, key: &str, words: &str) -> Outcome {
        match self.identity("cert.pem", key) {
            Ok(_) => Err(format!("{key} is accepted").into()),
            Err(e) => contains(&e, words),
        }
    }
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

fn read_like_openssl() -> Outcome {
    let folder = Folder::new("files-forms")?;
    folder.make(P256)?;
    folder.run(Openssl, "x509 -in cert.pem -trustout -setalias name -out trusted.pem")?;
    folder.run(Openssl, "x509 -in cert.pem -text -out text.pem")?;
    let read = |name: &str| folder.read(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let cert = read("cert.pem")?;
    let der = certs_from_pem(cert.as_bytes()).map_err(|e| e.to_string())?;
    let one_line = {
        let lines: Vec<_> = cert.lines().collect();
        let [begin, body @ .., end] = &lines[..] else { return Err("no certificate".into()) };
        format!("{begin}\n{}\n{end}\n", body.concat())
    };
    let forms = [
        ("plain", cert.clone()),
        ("trusted", read("trusted.pem")?),
        ("text", read("text.pem")?),
        ("label", cert.replace("CERTIFICATE", "X509 CERTIFICATE")),
        ("marked", format!("\u{feff}{cert}")),
        ("crlf", cert.replace('\n', "\r\n")),
        ("spaces", cert.replace('\n', " \t\n")),
        ("indented", cert.replacen('\n', "\n  ", 1)),
        ("one line", one_line),
        ("without last newline", cert.trim_end().to_owned()),
        ("text around", format!("a\n-- b --\n{cert}c")),
        ("parameters", format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{cert}")),
    ];
    for (name, text) in forms {
        folder.write("form.pem", &text)?;
        folder.run(Openssl, "x509 -in form.pem -noout").map_err(|_| format!("openssl does not read: {name}"))?;
        let found = certs_from_pem(text.as_bytes()).map_err(|e| format!("{name}: {e}"))?;
        if found != der || root_store_from_pem(text.as_bytes()).map_err(|e| format!("{name}: {e}"))?.len() != 1 {
            return Err(format!("{name}: {} certificates", found.len()).into());
        }
    }
    Ok(())
}

fn keys_of_certtool() -> Outcome {
    let folder = Folder::new("files-certtool")?;
    // Most of its scalars have an additional zero byte.
    let ec = ["ecdsa --curve secp256r1", "ecdsa --curve secp384r1"].repeat(6);
    for kind in ec.into_iter().chain(["ed25519", "rsa --bits 2048"]) {
        for form in ["", " --pkcs8 --password ''"] {
            if form.is_empty() && kind == "ed25519" {
                // It has no other form than PKCS#8.
                continue;
            }
            let command = format!("--generate-privkey --key-type {kind} --no-text --outfile key.pem{form}");
            folder.run(Certtool, &command)?;
            folder.certify("key.pem")?;
            folder.identity("cert.pem", "key.pem").map_err(|e| format!("{kind}{form}: {e}"))?;
        }
    }
    Ok(())
}

fn key_of_java() -> Outcome {
    let folder = Folder::new("files-java")?;
    for (at, curve) in ["secp256r1", "secp384r1"].iter().enumerate() {
        folder.run(
            Keytool,
            &format!(
                "-genkeypair -alias key -keyalg EC -groupname {curve} -dname CN=a.test -storetype PKCS12 -keystore {at}.p12 \
                 -storepass secret"
            ),
        )?;
        // As the error about PKCS#12 says.
        let command = format!("pkcs12 -in {at}.p12 -out file.pem -nodes");
        let bytes = folder.read(&format!("{at}.p12"))?;
        let error = certs_from_pem(&bytes).err().ok_or("PKCS#12 is accepted")?.to_string();
        contains(&error, "`openssl pkcs12 -in file -out file.pem -nodes`")?;
        folder.run(Openssl, &format!("{command} -passin pass:secret"))?;
        folder.identity("file.pem", "file.pem")?;
    }
    Ok(())
}

fn commands_for_certificates() -> Outcome {
    let folder = Folder::new("files-certificates")?;
    folder.make(P256)?;
    let rejected = |name: &str, words: &str| -> Outcome {
        match root_store_from_pem(&folder.read(name)?) {
            Ok(_) => Err(format!("{name} is accepted").into()),
            Err(e) => contains(&e.to_string(), words),
        }
    };
    let load = |name: &str| root_store_from_pem(&folder.read(name)?).map(drop).map_err(|e| format!("{name}: {e}"));
    folder.run(Openssl, "crl2pkcs7 -nocrl -certfile cert.pem -out bundle.pem")?;
    load("bundle.pem")?;
    folder.run(Openssl, "crl2pkcs7 -nocrl -certfile cert.pem -outform DER -out bundle.der")?;
    rejected("bundle.der", "it is a PKCS#7 bundle in DER, not PEM")?;
    let cert = folder.read("cert.pem")?;
    folder.write("bad.pem", &String::from_utf8_lossy(&cert).replace("CERTIFICATE", "PKCS7"))?;
    rejected("bad.pem", "`openssl pkcs7 -in file -print_certs`")?;
    folder.run(Openssl, "x509 -in cert.pem -addreject serverAuth -trustout -out trusted.pem")?;
    rejected("trusted.pem", "`openssl x509 -in file -out ca.pem`")?;
    folder.run(Openssl, "x509 -in trusted.pem -out ca.pem")?;
    load("ca.pem")?;
    folder.run(Openssl, "x509 -in cert.pem -outform DER -out cert.der")?;
    rejected("cert.der", "it is a certificate in DER, not PEM")?;
    for name in ["bundle.pem", "bundle.der", "cert.der", "cert.pem"] {
        let roots = root_store_from_bytes(&folder.read(name)?).map_err(|e| format!("{name}: {e}"))?;
        let identity = Identity::from_bytes(&folder.read(name)?, &folder.read("key.pem")?);
        if roots.len() != 1 || identity.map_err(|e| format!("{name}: {e}"))?.chain().len() != 1 {
            return Err(format!("{name} has another number of certificates").into());
        }
    }
    let none = Crls::from_pem(&folder.read("cert.pem")?).err().ok_or("a certificate is accepted as a CRL")?;
    contains(&none.to_string(), "has no CRL: it has a certificate")
}

fn commands_for_keys() -> Outcome {
    let folder = Folder::new("files-keys")?;
    folder.make(P256)?;
    folder.run(Openssl, "pkey -in key.pem -aes128 -passout pass:secret -out encrypted.pem")?;
    folder.expect_rejected_key("encrypted.pem", "`openssl pkey -in key.pem -out plain.pem`")?;
    folder.run(Openssl, "pkey -in encrypted.pem -passin pass:secret -out plain.pem")?;
    folder.identity("cert.pem", "plain.pem")?;
    folder.run(Openssl, "ec -in key.pem -no_public -out short.pem")?;
    folder.identity("cert.pem", "short.pem")?;
    let loads = |name: &str| {
        let file = folder.read(name)?;
        tls_crypto::PrivateKey::from_pem(&file).map(drop).map_err(|e| format!("{name}: {e}"))
    };
    contains(&loads("short.pem").err().ok_or("loaded")?, "`openssl ec -in key.pem -out whole.pem`")?;
    folder.run(Openssl, "ec -in short.pem -out whole.pem")?;
    loads("whole.pem")?;
    folder.run(Openssl, "ec -in key.pem -conv_form compressed -out compressed.pem")?;
    let command = "`openssl ec -in key.pem -conv_form uncompressed -out whole.pem`";
    contains(&loads("compressed.pem").err().ok_or("loaded")?, command)?;
    folder.run(Openssl, "ec -in compressed.pem -conv_form uncompressed -out whole.pem")?;
    loads("whole.pem")?;
    // The certificate has a compressed point as well.
    folder.certify("compressed.pem")?;
    folder.identity("cert.pem", "key.pem")?;
    folder.make("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048")?;
    folder.expect_rejected_key("key.pem", "rsa_pss_pss_*")
}

#[cfg(feature = "encrypted-keys")]
fn encrypted_keys() -> Outcome {
    let folder = Folder::new("files-encrypted")?;
    folder.run(Openssl, &format!("genpkey {P256} -aes256 -pass pass:secret -out key.pem"))?;
    folder.run(Openssl, "pkey -in key.pem -passin pass:secret -out plain.pem")?;
    folder.certify("plain.pem")?;
    folder.run(Openssl, "pkcs8 -topk8 -in plain.pem -passout pass:secret -out topk8.pem")?;
    folder.run(Openssl, "pkcs8 -topk8 -in plain.pem -scrypt -passout pass:secret -outform DER -out scrypt.der")?;
    folder.run(
        Certtool,
        "--to-p8 --load-privkey plain.pem --password secret --pkcs-cipher aes-128 --outfile certtool.pem",
    )?;
    // As the error about the old format says.
    folder.run(Openssl, "ec -in plain.pem -aes256 -passout pass:secret -out old.pem")?;
    folder.expect_rejected_key("old.pem", "`openssl pkcs8 -topk8 -in key.pem -out new.pem`")?;
    folder.run(Openssl, "pkcs8 -topk8 -in old.pem -passin pass:secret -passout pass:secret -out new.pem")?;
    for name in ["key.pem", "topk8.pem", "scrypt.der", "certtool.pem", "new.pem"] {
        let load = |password: &str| {
            Identity::from_encrypted(&folder.read("cert.pem")?, &folder.read(name)?, password)
                .map_err(|e| format!("{name}: {e}"))
        };
        load("secret")?;
        contains(&load("wrong").err().ok_or("any password is accepted")?, "the password does not decrypt")?;
    }
    Ok(())
}

#[cfg(feature = "pkcs12")]
fn pkcs12() -> Outcome {
    let folder = Folder::new("files-pkcs12")?;
    folder.make(P256)?;
    let load = |name: &str, password: &str| {
        Identity::from_pkcs12(&folder.read(name)?, password).map_err(|e| format!("{name}: {e}"))
    };
    let expect = |name: &str, password: &str, words: &str| -> Outcome {
        contains(&load(name, password).err().ok_or_else(|| format!("{name} is accepted"))?, words)
    };
    let export = |options: &str| folder.run(Openssl, &format!("pkcs12 -export -inkey key.pem -in cert.pem {options}"));
    export("-name key -passout pass:secret -out default.p12")?;
    export("-passout pass:secret -macalg sha512 -iter 1 -keypbe AES-128-CBC -certpbe NONE -out options.p12")?;
    folder.run(Certtool, "--to-p12 --load-privkey key.pem --load-certificate cert.pem --p12-name key --password secret --pkcs-cipher aes-256 --outder --outfile certtool.p12")?;
    let java = ["java.p12", "several.p12", "one.p12"];
    java.iter().try_for_each(|name| remove(&folder.0.join(name)))?;
    let keytool = "-noprompt -srcstorepass secret -deststorepass secret";
    let import = |file: &str, alias: &str| {
        let source = "-srckeystore default.p12 -srcalias key";
        folder.run(Keytool, &format!("-importkeystore {keytool} {source} -destkeystore {file} -destalias {alias}"))
    };
    import("java.p12", "key")?;
    import("several.p12", "one")?;
    import("several.p12", "two")?;
    // As the error about several keys says.
    expect(
        "several.p12",
        "secret",
        "`keytool -importkeystore -srckeystore file -srcalias NAME -destkeystore new.p12`",
    )?;
    folder.run(
        Keytool,
        &format!("-importkeystore {keytool} -srckeystore several.p12 -srcalias two -destkeystore one.p12"),
    )?;
    for name in ["default.p12", "options.p12", "certtool.p12", "java.p12", "one.p12"] {
        load(name, "secret")?;
        expect(name, "wrong", "the password does not decrypt")?;
    }
    // As the error about old encryption says.
    export("-legacy -passout pass:secret -out old.p12")?;
    expect(
        "old.p12",
        "secret",
        "`openssl pkcs12 -legacy -in file -out file.pem && openssl pkcs12 -export -in file.pem -out new.p12`",
    )?;
    folder.run(Openssl, "pkcs12 -legacy -in old.p12 -out file.pem -passin pass:secret -passout pass:secret")?;
    folder.run(Openssl, "pkcs12 -export -in file.pem -out new.p12 -passin pass:secret -passout pass:secret")?;
    load("new.p12", "secret").map(drop).map_err(Into::into)
}

fn command_for_openssh_keys() -> Outcome {
    let folder = Folder::new("files-openssh")?;
    for kind in ["ecdsa", "rsa"] {
        let path = folder.0.join(kind);
        remove(&path)?;
        folder.run(SshKeygen, &format!("-q -t {kind} -N '' -f {kind}"))?;
        folder.make(P256)?;
        folder.expect_rejected_key(kind, "`ssh-keygen -p -m PKCS8 -f key`")?;
        folder.run(SshKeygen, &format!("-p -m PKCS8 -N '' -P '' -f {}", path_text(&path)?))?;
        folder.certify(kind)?;
        folder.identity("cert.pem", kind)?;
    }
    Ok(())
}

/// ssh-keygen asks before it replaces a file.
fn remove(path: &Path) -> Outcome {
    if path.exists() {
        fs::remove_file(path).map_err(|e| e.to_string())?;
    }
    Ok(())
}
