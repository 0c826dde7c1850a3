// SPDX-License-Identifier: Apache-2.0
//! Two real guests with streams between them: every import of streams-caller is a call of streams-callee, and what goes beside the values is carried
//! piece by piece when it is asked for, as C does it.

use super::*;
use crate::call::RESULT;
use crate::streams::{Event, OWN_CALL, PERMIT, Piece, StreamQueue};
use crate::transcode::wire;
use std::collections::{BTreeMap, BTreeSet};

/// Nothing takes this long when all is well.
const PATIENCE: Duration = Duration::from_secs(20);
const CALLER: &str = r#"{"imports":["weft:streams/pipes"]}"#;

/// One way between two guests.
struct Way {
    from: (StreamQueue, u64, u32),
    to: (StreamQueue, u64, u32),
    is_wanted: bool,
    is_open: bool,
}

impl Way {
    /// A piece, if one is wanted and there: its size.
    fn carry(&mut self) -> usize {
        if !self.is_wanted || !self.is_open {
            return 0;
        }
        let (to, token, channel) = &self.to;
        let piece = self.from.0.read(self.from.1, self.from.2);
        match piece {
            Piece::Pending => return 0,
            Piece::Data(bytes) => {
                self.is_wanted = false;
                to.push(*token, *channel, &bytes);
                return bytes.len();
            }
            Piece::End => to.end(*token, *channel),
            Piece::Broken => to.fail(*token, *channel, "the writer has gone".into()),
        }
        self.is_open = false;
        0
    }
}

/// A caller, the calls that it makes, and what goes between them.
struct Pair {
    callee: Arc<Prepared>,
    lane: Lane,
    caller: Call,
    calls: BTreeMap<u64, (Call, bool)>,
    returned: BTreeSet<u64>,
    ways: Vec<Way>,
    imports: Vec<String>,
    /// The largest piece, and all of them.
    largest: usize,
    carried: usize,
}

fn pair(function: &str, params: &[u8]) -> Pair {
    let engine = engine();
    let caller = prepare(&engine, &app("streams-caller"), CALLER);
    let callee = prepare(&engine, &app("streams-callee"), "{}");
    let call = start(&caller, &format!("weft:streams/drive#{function}"), params);
    Pair {
        lane: Lane::new(callee.clone()),
        callee,
        caller: call,
        calls: BTreeMap::new(),
        returned: BTreeSet::new(),
        ways: Vec::new(),
        imports: caller.imports.iter().map(|it| it.name.clone()).collect(),
        largest: 0,
        carried: 0,
    }
}

impl Pair {
    fn begin(&mut self, token: u64, import: u32, params: Vec<u8>) {
        let plan = self
            .callee
            .plan(&self.imports[import as usize])
            .expect("the callee exports it");
        let plan = Arc::new(plan);
        let call = self
            .lane
            .function(plan.clone(), params, waker())
            .expect("it begins");
        let (ours, theirs) = (&self.caller.streams, &call.streams);
        let way = |from: &StreamQueue, of, to: &StreamQueue, at, channel: usize| Way {
            from: (from.clone(), of, channel as u32),
            to: (to.clone(), at, channel as u32),
            is_wanted: false,
            is_open: true,
        };
        for channel in 0..plan.param_paths().len() {
            self.ways.push(way(ours, token, theirs, OWN_CALL, channel));
        }
        for channel in 0..plan.result_paths().len() {
            self.ways.push(way(theirs, OWN_CALL, ours, token, channel));
        }
        self.calls.insert(token, (call, false));
    }

    /// What has come out of one guest, which `is_to` tells from others.
    fn hear(ways: &mut [Way], queue: &StreamQueue, is_to: impl Fn(&Way, u64) -> bool) {
        while let Some(event) = queue.next() {
            let (token, channel) = match event {
                Event::Wanted(token, channel) | Event::Left(token, channel) => {
                    (token, Some(channel))
                }
                Event::Dropped(token) => (token, None),
                Event::Readable(..) => continue,
            };
            let is_meant =
                |way: &&mut Way| is_to(way, token) && channel.is_none_or(|it| it == way.to.2);
            for way in ways.iter_mut().filter(is_meant) {
                match event {
                    Event::Wanted(..) => way.is_wanted = true,
                    _ => {
                        way.is_open = false;
                        way.from.0.close_upload(way.from.1, way.from.2);
                    }
                }
            }
        }
    }

    /// One turn of everybody. The outcome, once the caller has ended.
    fn turn(&mut self) -> Option<Result<Vec<u8>>> {
        let flags = self.caller.poll();
        while let Some(parked) = self.caller.imports.next() {
            self.begin(parked.token, parked.import, parked.params);
        }
        let ours = self.caller.streams.clone();
        Self::hear(&mut self.ways, &ours, |way, token| {
            way.from.1 == OWN_CALL && way.to.1 == token
        });
        for (token, (call, has_ended)) in &mut self.calls {
            if *has_ended {
                continue;
            }
            let flags = call.poll();
            if flags & RESULT != 0 && self.returned.insert(*token) {
                self.caller
                    .imports
                    .complete(*token, Ok(call.result.clone()));
            }
            if flags & DONE != 0 {
                *has_ended = true;
                if let Some(Err(why)) = call.end.take()
                    && !self.returned.contains(token)
                {
                    self.caller.imports.complete(*token, Err(why.message));
                }
            }
            let theirs = call.streams.clone();
            Self::hear(&mut self.ways, &theirs, |way, at| {
                way.from.1 == *token && way.to.1 == OWN_CALL && at == OWN_CALL
            });
        }
        for way in &mut self.ways {
            let size = way.carry();
            self.largest = self.largest.max(size);
            self.carried += size;
        }
        (flags & DONE != 0).then(|| {
            let outcome = self.caller.end.take().expect("an outcome");
            outcome.map(|_| self.caller.result.clone())
        })
    }

    fn state(&self) -> String {
        let ways = self.ways.iter().map(|way| {
            let (wanted, open) = (way.is_wanted, way.is_open);
            format!("{}:{} wanted {wanted} open {open}", way.from.1, way.to.1)
        });
        let ended = self
            .calls
            .values()
            .filter(|(_, has_ended)| *has_ended)
            .count();
        let (calls, ways) = (self.calls.len(), ways.collect::<Vec<_>>().join(", "));
        format!(
            "{calls} calls, {ended} ended, {} bytes carried, {ways}",
            self.carried
        )
    }

    fn run(&mut self) -> Result<Vec<u8>> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(outcome) = self.turn() {
                return outcome;
            }
            assert!(
                Instant::now() < end,
                "the call does not end: {}",
                self.state()
            );
        }
    }

    /// What it called has ended too, some time later.
    fn all_end(&mut self) -> bool {
        for _ in 0..1000 {
            if self.calls.values().all(|(_, has_ended)| *has_ended) {
                return true;
            }
            let _ = self.turn();
        }
        false
    }
}

fn numbers(values: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        wire::put_unsigned(&mut out, *value);
    }
    out
}

fn texts(texts: &[&str]) -> Vec<u8> {
    let mut out = numbers(&[texts.len() as u64]);
    for text in texts {
        wire::put_byte_string(&mut out, text.as_bytes());
    }
    out
}

fn gives(function: &str, params: &[u8], expected: &[u8]) {
    let mut pair = pair(function, params);
    let result = pair
        .run()
        .unwrap_or_else(|error| panic!("{function}: {error}\n{}", error.detail));
    assert_eq!(result, expected, "{function}");
    assert!(pair.all_end(), "{function}: a callee goes on");
}

#[test]
fn a_future_is_resolved_by_the_caller_and_by_the_callee() {
    gives("double", &numbers(&[21]), &numbers(&[42]));
}

#[test]
fn bytes_stream_to_the_callee_and_from_it() {
    for count in [0, 1, 255, 65_536, 1_000_003] {
        let sum: u64 = (0..count).map(|place| place % 65_536 % 256).sum();
        gives("send", &numbers(&[count]), &numbers(&[count, sum]));
        gives("fetch", &numbers(&[count]), &numbers(&[count]));
    }
}

#[test]
fn elements_of_other_types_stream_both_ways_at_once() {
    let labels: Vec<_> = (0..40).map(|at| format!("p={}", at - 1)).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    gives("label", &numbers(&[40]), &texts(&labels));
    gives("label", &numbers(&[0]), &texts(&[]));
}

#[test]
fn streams_lie_inside_of_options_results_and_tuples() {
    let mut text = Vec::new();
    wire::put_byte_string(&mut text, b"three small words");
    let mut words = vec![0];
    words.extend(texts(&["three", "small", "words"]));
    words.extend(numbers(&[15]));
    gives("words", &text, &words);
    let mut none = vec![1];
    wire::put_byte_string(&mut none, b"there are no words");
    gives("words", &[0], &none);

    let mut given = vec![0];
    given.extend(&text);
    let mut some = vec![1];
    some.extend(&text);
    gives("echo", &some, &given);
    let mut nothing = vec![1];
    wire::put_byte_string(&mut nothing, b"there is nothing to give back");
    gives("echo", &[0], &nothing);
}

#[test]
fn a_reader_that_goes_ends_the_writer() {
    gives(
        "send-until-dropped",
        &numbers(&[100_000]),
        &numbers(&[100_000]),
    );
    gives("fetch-some", &numbers(&[100_000]), &numbers(&[100_000]));
}

#[test]
fn a_writer_that_goes_is_not_taken_for_an_end() {
    let mut pair = pair("broken", &[]);
    let error = failure(pair.run());
    assert!(error.message.contains("broke off"), "{error}");
    assert!(pair.all_end());
}

#[test]
fn nothing_is_carried_that_nobody_asks_for() {
    let mut pair = pair("fetch", &numbers(&[u64::MAX]));
    for _ in 0..2000 {
        assert!(pair.turn().is_none());
    }
    assert!(pair.carried > 2 * PERMIT, "{}", pair.carried);
    assert!(pair.largest <= PERMIT + 16, "{}", pair.largest);
}

#[test]
fn what_cannot_cross_is_refused_by_name_when_it_is_loaded() {
    let wat = r#"(component
        (type $i (instance (type $t (list (stream u8))) (export "give" (func (param "it" $t)))))
        (import "a:b/c" (instance (type $i))))"#;
    let engine = engine();
    let component = Component::load(&engine, &wat::parse_str(wat).expect("a component"));
    let component = component.expect("it compiles");
    let refused = Prepared::new(&engine, &component, br#"{"imports":["*"]}"#);
    let error = refused.err().expect("it is refused");
    assert_eq!(error.code, crate::error::Code::Unsupported, "{error}");
    for word in [
        "a:b/c",
        "`give`",
        "`it`",
        "inside of a list",
        "pass it as a parameter",
    ] {
        assert!(error.message.contains(word), "{word}: {error}");
    }
}
