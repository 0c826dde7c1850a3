// SPDX-License-Identifier: Apache-2.0
//! Whether a response's body is whole, as C sees it.

use super::*;
use crate::call::{BodyPiece, HEAD};

/// Runs a request to the end of its body: the bytes, and whether it ended well.
fn fetch(lane: &Lane, path: &str) -> (Vec<u8>, bool) {
    let end = Instant::now() + DEADLINE;
    let mut call = start_http(lane, path);
    let mut body = Vec::new();
    let mut began = false;
    loop {
        let flags = call.poll();
        if flags & HEAD != 0 {
            call.take_head().expect("a head").expect("no error");
            began = true;
        }
        assert!(began || flags & DONE == 0, "{path}: the guest gave no head");
        while began {
            match call.body_next() {
                BodyPiece::Data(piece) => body.extend_from_slice(&piece),
                BodyPiece::Pending => break,
                BodyPiece::Trailers(_) | BodyPiece::End => return (body, true),
                BodyPiece::Error => return (body, false),
            }
        }
        assert!(Instant::now() < end, "{path}: the body does not end");
    }
}

fn lane(grants: &str) -> (Engine, Lane) {
    let engine = engine();
    let lane = Lane::new(prepare(&engine, &app("misbehave"), grants));
    (engine, lane)
}

#[test]
fn a_body_that_is_left_open_fails_when_the_guest_returns() {
    for grants in ["{}", r#"{"reuse":100}"#] {
        let (_engine, lane) = lane(grants);
        for _ in 0..3 {
            assert_eq!(
                fetch(&lane, "/keep-body"),
                (b"some of the body\n".to_vec(), false)
            );
            assert_eq!(fetch(&lane, "/keep-body-at-once"), (Vec::new(), false));
            assert_eq!(
                fetch(&lane, "/keep-body-without-stream"),
                (b"some of the body\n".to_vec(), false)
            );
            assert_eq!(
                fetch(&lane, "/status?code=200"),
                (b"status 200\n".to_vec(), true)
            );
        }
    }
}

#[test]
fn a_body_that_is_finished_is_whole() {
    for grants in ["{}", r#"{"reuse":100}"#] {
        let (_engine, lane) = lane(grants);
        for _ in 0..3 {
            assert_eq!(fetch(&lane, "/status?code=204"), (Vec::new(), true));
            assert_eq!(
                fetch(&lane, "/trailers"),
                (b"a body with trailers\n".to_vec(), true)
            );
            let (body, whole) = fetch(&lane, "/big?bytes=1000000");
            assert_eq!((body.len(), whole), (1_000_000, true));
            // A response that is never sent may keep its body: that of the one that is sent is whole.
            assert_eq!(
                fetch(&lane, "/keep-another-body"),
                (b"sent\n".to_vec(), true)
            );
        }
    }
}

#[test]
fn a_body_that_is_dropped_or_too_short_fails() {
    let (_engine, lane) = lane("{}");
    for path in ["/drop-body", "/drop-body-at-once", "/short"] {
        assert!(!fetch(&lane, path).1, "{path}");
    }
}
