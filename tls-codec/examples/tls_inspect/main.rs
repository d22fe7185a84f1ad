//! Shows the TLS connections of a capture, one a line: names, fingerprints, what was negotiated.
//!
//! ```text
//! tls-inspect [--json] [--all] FILE
//! ```
//!
//! FILE is a capture in the format pcap or pcapng, as tcpdump and Wireshark write it; `-` is the
//! standard input:
//!
//! ```text
//! $ tcpdump -i lo -w - port 443 | tls-inspect -
//! 127.0.0.1:40164 -> 127.0.0.1:443 tls sni=example.com alpn=h2,http/1.1 ja4=… version=TLSv1.3 …
//! ```
//!
//! A connection is written when it ends, or at the end of the file. Values that are unknown are
//! left out:
//!
//! * `sni`, `alpn`: what the client asks for. `ja4`, `ja3`: its fingerprints.
//! * `version`, `suite`, `selected_alpn`, `ja3s`: what the server selected. TLS 1.3 encrypts
//!   `selected_alpn`. `retry`: a HelloRetryRequest came first.
//! * `subjects`, `client_subjects`: of the certificates, up to TLS 1.2. They are not verified.
//! * `alerts`: those that are not encrypted, as `sender:level:name`.
//! * `starts_with`: another protocol before TLS (STARTTLS); with `--all`, instead of it.
//! * `remarks`: extensions that an endpoint must reject, and what the capture lacks.
//!
//! Read are Ethernet, Wi-Fi without encryption, Linux cooked, loopback, PPP and raw IP, and in them
//! VLANs, MPLS, PPPoE, IP in IP, GRE, VXLAN, Geneve and the authentication header of IPsec. A
//! connection in a tunnel has the inner addresses. A last line counts what was skipped, if any:
//!
//! ```text
//! skipped fragments=2 encrypted=1 other_protocols=3 malformed=1
//! ```
//!
//! * `fragments`: of IP packets. `encrypted`: by IPsec, MACsec or Wi-Fi. `nested`: in more than
//!   eight layers. `malformed`: also packets that the capture cut in their headers.
//! * `other_protocols`: neither TCP nor UDP. `link_layers`: unknown ones, which is an error too.
//!   `unreadable`: longer than 1 MiB, or malformed in the file.
//!
//! With `--json`, the line is an object with the one key `skipped`.
//!
//! Packets may be lost, repeated and out of order. Fragments of IP packets are not joined, nor
//! those of DTLS messages. Of QUIC only the version is shown: even its first packets are encrypted.
//! Memory is bounded, so that connections without end do no harm.

mod inspect;

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
    process::ExitCode,
};

use inspect::{Format, inspect};

const USAGE: &str = "usage: tls-inspect [--json] [--all] FILE";

fn main() -> ExitCode {
    let (mut format, mut all, mut file) = (Format::Text, false, None);
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--json") => format = Format::Json,
            Some("--all") => all = true,
            Some("--help") => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            Some(option) if option.starts_with("--") => return fail(&format!("unknown option {option}; {USAGE}")),
            _ if file.is_some() => return fail(USAGE),
            _ => file = Some(argument),
        }
    }
    let Some(path) = file else { return fail(USAGE) };
    let source: Box<dyn Read> = if path == "-" {
        Box::new(io::stdin().lock())
    } else {
        match File::open(&path) {
            Ok(file) => Box::new(file),
            Err(e) => return fail(&format!("cannot open {}: {e}", path.display())),
        }
    };
    // Standard output writes each line at once, for captures that go on.
    match inspect(BufReader::new(source), format, all, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe, such as `head`, has enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => fail(&format!("cannot read {}: {e}", path.display())),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("tls-inspect: {message}");
    ExitCode::FAILURE
}
