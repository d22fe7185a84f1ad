//! Reading plaintext in pieces of any size, at linear cost and within bounded memory.

use std::io::{BufRead, IoSliceMut, Read, Write};

use strata_tls::Session;

use crate::pair::{Pair, drain, feed, pattern, read_all};
use crate::pki::{VERSIONS, configs, configs_of};

#[test]
fn one_byte_transport_delivers_the_same_data() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::new(&client, &server);
        pair.client.write_all(&pattern(40_000)).unwrap();
        let mut received = Vec::new();
        loop {
            let (to_server, to_client) = (drain(&mut pair.client), drain(&mut pair.server));
            if to_server.is_empty() && to_client.is_empty() {
                break;
            }
            for byte in to_server {
                assert_eq!(feed(&mut pair.server, &[byte]).unwrap(), 1);
                received.extend(read_all(&mut pair.server));
            }
            for byte in to_client {
                assert_eq!(feed(&mut pair.client, &[byte]).unwrap(), 1);
            }
        }
        assert!(received == pattern(40_000));
    }
}

/// Moving the rest on every read would make reading quadratic.
#[test]
fn one_byte_read_does_not_move_unread_data() {
    let (client, server) = configs();
    let mut pair = Pair::connected(&client, &server);
    let size = 16 * 1024;
    pair.client.write_all(&pattern(size)).unwrap();
    let wire = drain(&mut pair.client);
    feed(&mut pair.server, &wire).unwrap();
    let start = pair.server.fill_buf().unwrap().as_ptr().addr();
    for read in 1..size {
        assert_eq!(pair.server.read(&mut [0]).unwrap(), 1);
        assert_eq!(pair.server.fill_buf().unwrap().as_ptr().addr() - start, read);
    }
}

#[test]
fn fill_buf_lends_the_decrypted_bytes_in_place() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        let data = pattern(50_000);
        pair.client.write_all(&data).unwrap();
        let wire = drain(&mut pair.client);
        feed(&mut pair.server, &wire).unwrap();
        let mut received = Vec::new();
        while let Ok(part) = pair.server.fill_buf() {
            assert!(!part.is_empty());
            received.extend_from_slice(part);
            let n = part.len().div_ceil(2);
            received.truncate(received.len() - part.len() + n);
            pair.server.consume(n);
        }
        assert!(received == data);
        pair.client.write_all(b"one line\nanother").unwrap();
        let wire = drain(&mut pair.client);
        feed(&mut pair.server, &wire).unwrap();
        let mut line = String::new();
        pair.server.read_line(&mut line).unwrap();
        assert_eq!(line, "one line\n");
    }
}

#[test]
fn vectored_read_fills_slices_in_order() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.write_all(b"0123").unwrap();
        pair.client.write_all(b"456789").unwrap();
        let wire = drain(&mut pair.client);
        feed(&mut pair.server, &wire).unwrap();
        let (mut a, mut b, mut c) = ([0; 3], [0; 0], [0; 20]);
        let mut slices = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b), IoSliceMut::new(&mut c)];
        assert_eq!(pair.server.read_vectored(&mut slices).unwrap(), 10);
        assert_eq!((&a, &c[..7]), (b"012", &b"3456789"[..]));
        let mut slices = [IoSliceMut::new(&mut a)];
        assert_eq!(pair.server.read_vectored(&mut slices).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn unread_plaintext_stops_reading_from_the_peer() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        for size in [1, 100, 16_384] {
            let mut pair = Pair::connected(&client, &server);
            let (mut sent, mut taken_in) = (0, 0);
            while pair.server.wants_read() {
                sent += pair.client.write(&pattern(size)).unwrap();
                let wire = drain(&mut pair.client);
                taken_in += feed(&mut pair.server, &wire).unwrap();
                assert!(taken_in <= 29 * sent + sent, "{size}");
            }
            // At most 64 KiB may be unread, plus the record that exceeds them.
            assert!(sent > 64 * 1024 && sent <= 64 * 1024 + 16_384, "{size}: {sent}");
            let refused = pair.server.read_tls(&mut &[0; 10][..]).unwrap_err();
            assert!(refused.to_string().contains("wants_read"), "{refused}");
            assert!(read_all(&mut pair.server).len() == sent && pair.server.wants_read());
            pair.client.write_all(b"again").unwrap();
            let wire = drain(&mut pair.client);
            feed(&mut pair.server, &wire).unwrap();
            assert_eq!(read_all(&mut pair.server), b"again");
        }
    }
}
