// SPDX-License-Identifier: Apache-2.0
//! Requests that a guest sends, answered here as C would.

use super::*;
use crate::call::{AGAIN, BodyPiece, HEAD, HTTP, WANTS_BODY};
use crate::outgoing::{Event, error_code, error_number};
use http::{HeaderMap, HeaderValue, Response};
use std::collections::VecDeque;

/// A guest that forwards its request, and both ends of what it does.
struct Proxied {
    _engine: Engine,
    call: Call,
    events: VecDeque<Event>,
    head: Option<http::response::Parts>,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// The body of the guest's own response: None while it may go on, then whether it is whole.
    whole: Option<bool>,
    done: bool,
    wants_body: bool,
    /// The guest waits for something; otherwise its time was up.
    waits: bool,
}

impl Proxied {
    fn new(target: &str, method: &str, has_body: bool) -> Self {
        let engine = engine();
        let lane = Lane::new(prepare(&engine, &app("proxy"), "{}"));
        let request = HttpRequest {
            scheme: Scheme::Http,
            head: Request::builder()
                .method(method)
                .uri(format!("http://test{target}"))
                .header("x-kept", "1")
                .body(())
                .expect("a request"),
            has_body,
        };
        let call = lane.http(request, waker()).expect("the call begins");
        Proxied {
            _engine: engine,
            call,
            events: VecDeque::new(),
            head: None,
            body: Vec::new(),
            trailers: None,
            whole: None,
            done: false,
            wants_body: false,
            waits: false,
        }
    }

    fn poll(&mut self) {
        let flags = self.call.poll();
        self.waits = flags & AGAIN == 0;
        if flags & HEAD != 0 {
            self.head = Some(self.call.take_head().expect("a head").expect("no error"));
        }
        assert_eq!(flags & HTTP != 0, !self.call.outgoing.is_empty());
        while let Some(event) = self.call.outgoing.next() {
            self.events.push_back(event);
        }
        while self.head.is_some() && self.whole.is_none() {
            match self.call.body_next() {
                BodyPiece::Data(piece) => self.body.extend_from_slice(&piece),
                BodyPiece::Pending => break,
                BodyPiece::Trailers(trailers) => self.trailers = Some(trailers),
                BodyPiece::End => self.whole = Some(true),
                BodyPiece::Error => self.whole = Some(false),
            }
        }
        self.done |= flags & DONE != 0;
        self.wants_body |= flags & WANTS_BODY != 0;
    }

    fn until(&mut self, what: &str, met: impl Fn(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !met(self) {
            assert!(Instant::now() < end, "it does not come to this: {what}");
            self.poll();
        }
    }

    fn event(&mut self) -> Event {
        self.until("an event", |it| !it.events.is_empty());
        self.events.pop_front().expect("waited for")
    }

    fn request(&mut self) -> (u64, crate::outgoing::Head, bool) {
        let Event::Request(token) = self.event() else {
            panic!("no request");
        };
        // A guest ends a body only after it has sent the head: its time may be up in between.
        self.until("the guest waits", |it| it.waits);
        let (head, has_body) = self.call.take_request(token).expect("it is there");
        assert!(self.call.take_request(token).is_none(), "only once");
        (token, head, has_body)
    }

    fn finish(&mut self) {
        self.until("the end", |it| {
            it.done && (it.whole.is_some() || it.head.is_none())
        });
    }
}

fn text(proxied: &Proxied) -> String {
    String::from_utf8_lossy(&proxied.body).into_owned()
}

#[test]
fn a_request_arrives_with_its_head_and_timeouts() {
    let mut proxied = Proxied::new(
        "/?connect=5&between=7&url=http://other:81/a/b?c=d",
        "GET",
        false,
    );
    let (token, head, has_body) = proxied.request();
    assert_eq!(head.parts.method, "GET");
    assert_eq!(head.parts.uri, "http://other:81/a/b?c=d");
    let headers: Vec<_> = head
        .parts
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(headers, ["host", "x-kept"]);
    assert_eq!(head.parts.headers["host"], "other:81");
    let millis = |duration: Duration| duration.as_millis();
    assert_eq!(millis(head.connect_timeout), 5);
    assert_eq!(millis(head.first_byte_timeout), 600_000);
    assert_eq!(millis(head.between_bytes_timeout), 7);
    assert!(!has_body, "a body without a byte is none");
    assert!(matches!(
        proxied.call.request_body_next(token),
        BodyPiece::End
    ));

    let mut response = Response::new(());
    *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
    response
        .headers_mut()
        .append("x-from", HeaderValue::from_static("other"));
    proxied.call.outgoing.respond(token, response);
    assert_eq!(proxied.event(), Event::WantsBody(token));
    proxied.call.outgoing.push(token, b"one ");
    assert_eq!(proxied.event(), Event::WantsBody(token));
    proxied.call.outgoing.push(token, b"two");
    assert_eq!(proxied.event(), Event::WantsBody(token));
    let mut trailers = HeaderMap::new();
    trailers.append("x-sum", HeaderValue::from_static("42"));
    proxied.call.outgoing.end(token, trailers);
    proxied.finish();
    let head = proxied.head.as_ref().expect("a head");
    assert_eq!(head.status, 418);
    assert_eq!(head.headers["x-from"], "other");
    assert_eq!(
        (text(&proxied).as_str(), proxied.whole),
        ("one two", Some(true))
    );
    assert_eq!(proxied.trailers.expect("trailers")["x-sum"], "42");
    assert!(proxied.events.is_empty(), "{:?}", proxied.events);
}

#[test]
fn a_request_body_flows_at_the_pace_of_its_reader() {
    let mut proxied = Proxied::new("/?url=http://other/", "POST", true);
    let feed = proxied.call.request_body.clone().expect("a feed");
    let (token, _, has_body) = proxied.request();
    assert!(has_body);
    assert!(matches!(
        proxied.call.request_body_next(token),
        BodyPiece::Pending
    ));
    let piece = vec![7; 64 * 1024];
    // Until the guest no longer asks: what lies between is bounded.
    let mut pushed = 0;
    for _ in 0..1000 {
        proxied.poll();
        if std::mem::take(&mut proxied.wants_body) {
            feed.push(&piece);
            pushed += piece.len();
        }
    }
    assert!(pushed <= 4 * piece.len(), "{pushed} bytes and nobody reads");
    let (mut got, mut sent_all) = (0, false);
    let end = Instant::now() + DEADLINE;
    loop {
        match proxied.call.request_body_next(token) {
            BodyPiece::Data(data) => got += data.len(),
            BodyPiece::Pending => proxied.poll(),
            BodyPiece::End => break,
            _ => panic!("the body broke off"),
        }
        if !sent_all && std::mem::take(&mut proxied.wants_body) {
            if pushed < 4_000_000 {
                feed.push(&piece);
                pushed += piece.len();
            } else {
                feed.end(HeaderMap::new());
                sent_all = true;
            }
        }
        assert!(Instant::now() < end, "the body does not end");
    }
    assert_eq!(got, pushed);
    proxied.call.outgoing.respond(token, Response::new(()));
    proxied.call.outgoing.push(token, b"taken");
    proxied.call.outgoing.end(token, HeaderMap::new());
    proxied.finish();
    assert_eq!(
        (text(&proxied).as_str(), proxied.whole),
        ("taken", Some(true))
    );
}

#[test]
fn every_error_reaches_the_guest_under_its_number() {
    for number in 0..=38 {
        assert_eq!(error_number(&error_code(number, String::new())), number);
        let mut proxied = Proxied::new("/?url=http://other/", "GET", false);
        let (token, ..) = proxied.request();
        proxied
            .call
            .outgoing
            .fail(token, error_code(number, "why".into()));
        proxied.finish();
        assert_eq!(text(&proxied), format!("error {number}\n"));
    }
}

#[test]
fn a_response_that_breaks_off_is_not_whole() {
    let mut proxied = Proxied::new("/?url=http://other/", "GET", false);
    let (token, ..) = proxied.request();
    proxied.call.outgoing.respond(token, Response::new(()));
    proxied.call.outgoing.push(token, b"some");
    proxied.until("some of the body", |it| it.body == b"some");
    proxied
        .call
        .outgoing
        .fail(token, error_code(7, String::new()));
    proxied.finish();
    assert_eq!(proxied.whole, Some(false));
}

#[test]
fn a_request_body_that_is_dropped_is_not_whole() {
    let mut proxied = Proxied::new("/break?url=http://other/", "POST", false);
    let (token, _, has_body) = proxied.request();
    assert!(has_body);
    assert!(matches!(
        proxied.call.request_body_next(token),
        BodyPiece::Data(_)
    ));
    assert!(matches!(
        proxied.call.request_body_next(token),
        BodyPiece::Error
    ));
    proxied
        .call
        .outgoing
        .fail(token, error_code(7, String::new()));
    proxied.finish();
    assert_eq!(text(&proxied), "error 7\n");
}

#[test]
fn c_is_told_of_a_guest_that_loses_interest() {
    let mut proxied = Proxied::new("/drop-body?url=http://other/", "POST", true);
    let (token, ..) = proxied.request();
    proxied.call.outgoing.respond(token, Response::new(()));
    assert_eq!(proxied.event(), Event::Cancelled(token));
    proxied.call.outgoing.push(token, b"late");
    let feed = proxied.call.request_body.clone().expect("a feed");
    feed.end(HeaderMap::new());
    proxied
        .call
        .outgoing
        .fail(token, error_code(7, String::new()));
    proxied.finish();
    assert_eq!(text(&proxied), "status 200\n");
    assert!(proxied.events.is_empty(), "{:?}", proxied.events);

    // Dropped before C has looked: C never hears of it.
    let mut proxied = Proxied::new("/abandon?url=http://other/", "GET", false);
    proxied.finish();
    assert_eq!(text(&proxied), "abandoned\n");
    assert!(proxied.events.is_empty(), "{:?}", proxied.events);
}

#[test]
fn a_call_that_ends_or_is_dropped_leaves_nothing_behind() {
    let mut proxied = Proxied::new("/leave?url=http://other/", "GET", false);
    proxied.finish();
    assert_eq!(text(&proxied), "left\n");
    assert!(proxied.call.outgoing.next().is_none());

    let mut proxied = Proxied::new("/?url=http://other/", "GET", false);
    let queue = proxied.call.outgoing.clone();
    let (token, ..) = proxied.request();
    drop(proxied);
    queue.respond(token, Response::new(()));
    queue.end(token, HeaderMap::new());
    assert!(queue.is_empty());
}

#[test]
fn what_is_no_request_fails_before_c_hears_of_it() {
    for (url, error) in [
        ("http://a%20b/", 19),
        ("http:///", 19),
        ("http://a/\u{1}", 19),
    ] {
        let mut proxied = Proxied::new("/", "GET", false);
        drop(proxied.call);
        let lane = Lane::new(prepare(&proxied._engine, &app("proxy"), "{}"));
        let path = format!("/?url={url}");
        let Ok(uri) = http::Uri::try_from(format!("http://test{path}")) else {
            continue;
        };
        let request = HttpRequest {
            scheme: Scheme::Http,
            head: Request::get(uri).body(()).expect("a request"),
            has_body: false,
        };
        proxied.call = lane.http(request, waker()).expect("the call begins");
        proxied.finish();
        let said = text(&proxied);
        assert!(
            said == format!("error {error}\n") || said.is_empty(),
            "{url}: {said}"
        );
        assert!(proxied.events.is_empty());
    }
}
