// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::transcode::wire::{put_byte_string, put_unsigned};

fn text() -> Arc<Shape> {
    Arc::new(Shape::List(Arc::new(Shape::Fixed(1))))
}

/// record { x: s32, names: list<string>, kind: variant { none, some(f64), both(tuple<char, string>) } }
fn everything() -> Arc<Shape> {
    let both = Shape::Fields([Arc::new(Shape::Char), text()].into());
    let kind = Shape::Cases([None, Some(Arc::new(Shape::Fixed(8))), Some(Arc::new(both))].into());
    Arc::new(Shape::Fields(
        [
            Arc::new(Shape::Number),
            Arc::new(Shape::List(text())),
            Arc::new(kind),
        ]
        .into(),
    ))
}

fn samples() -> Vec<Vec<u8>> {
    let mut plain = vec![0x7f, 0x00, 0x00];
    let mut long = vec![0x80, 0x80, 0x01, 0x03];
    for text in ["", "abc", "ü"] {
        put_byte_string(&mut long, text.as_bytes());
    }
    long.push(2);
    long.extend_from_slice("€".as_bytes());
    put_byte_string(&mut long, &[b'x'; 300]);
    let mut number = vec![0x05, 0x01, 0x00, 0x01];
    number.extend_from_slice(&1.5f64.to_le_bytes());
    vec![std::mem::take(&mut plain), long, number]
}

#[test]
fn finds_the_end_wherever_the_bytes_are_cut() {
    for sample in samples() {
        let mut followed = sample.clone();
        followed.extend_from_slice(&[0xff; 20]);
        assert_eq!(
            Measure::new(everything()).look(&followed).unwrap(),
            Some(sample.len())
        );
        for first in 0..sample.len() {
            let mut measure = Measure::new(everything());
            assert_eq!(measure.look(&sample[..first]).unwrap(), None);
            for second in [first, (first + sample.len()) / 2] {
                assert_eq!(
                    measure.look(&sample[..second]).unwrap(),
                    None,
                    "{first} {second}"
                );
            }
            assert_eq!(measure.look(&followed).unwrap(), Some(sample.len()));
        }
        let mut byte_by_byte = Measure::new(everything());
        for end in 0..sample.len() {
            assert_eq!(byte_by_byte.look(&sample[..end]).unwrap(), None);
        }
        assert_eq!(byte_by_byte.look(&sample).unwrap(), Some(sample.len()));
    }
}

#[test]
fn what_is_no_encoding_is_an_error_and_never_waited_for() {
    let endless = [0x80u8; 11];
    assert!(
        Measure::new(Arc::new(Shape::Number))
            .look(&endless)
            .is_err()
    );
    assert!(Measure::new(text()).look(&endless).is_err());
    let cases = Arc::new(Shape::Cases([None, None].into()));
    assert!(Measure::new(cases).look(&[2]).is_err());
    let mut large = Vec::new();
    put_unsigned(&mut large, u64::from(u32::MAX) + 1);
    assert!(Measure::new(text()).look(&large).is_err());
}

#[test]
fn what_is_only_announced_takes_neither_time_nor_memory() {
    let mut announced = Vec::new();
    put_unsigned(&mut announced, u64::from(u32::MAX));
    let nothing = Arc::new(Shape::Fields([Arc::new(Shape::Fixed(0))].into()));
    for element in [nothing, Arc::new(Shape::Fixed(0))] {
        let mut measure = Measure::new(Arc::new(Shape::List(element)));
        assert_eq!(measure.look(&announced).unwrap(), Some(announced.len()));
    }
    let mut measure = Measure::new(Arc::new(Shape::List(everything())));
    assert_eq!(measure.look(&announced).unwrap(), None);
    assert!(measure.steps.len() < 10);
}

/// Bytes of every kind in every cut: an end within them, or an error, and the same one whatever the cuts.
#[test]
fn hostile_bytes_have_one_answer_however_they_come() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..20_000 {
        let size = (random() % 40) as usize;
        let bytes: Vec<u8> = (0..size)
            .map(|_| match random() % 4 {
                0 => (random() % 4) as u8,
                1 => 0x80 | random() as u8,
                _ => random() as u8,
            })
            .collect();
        let whole = Measure::new(everything()).look(&bytes);
        if let Ok(Some(size)) = &whole {
            assert!(*size <= bytes.len());
        }
        let mut measure = Measure::new(everything());
        let mut seen = 0;
        let cut = loop {
            let looked = measure.look(&bytes[..seen]);
            assert!(measure.steps.len() < 20);
            if seen == bytes.len() || !matches!(looked, Ok(None)) {
                break looked;
            }
            seen = (seen + 1 + (random() % 5) as usize).min(bytes.len());
        };
        match (whole, cut) {
            (Ok(whole), Ok(cut)) => assert_eq!(whole, cut, "round {round}: {bytes:?}"),
            // What follows the element is not looked at, in whichever order it comes.
            (Err(_), Err(_)) => {}
            (whole, cut) => panic!("round {round}: {whole:?} and {cut:?} of {bytes:?}"),
        }
    }
}
