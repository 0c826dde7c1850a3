// SPDX-License-Identifier: Apache-2.0
//! Random function types, components that pass such a function's values through, and random values.

use std::fmt::Write;

use wasmtime::component::{Type, Val};

use super::rng::Rng;

#[derive(Clone, Debug)]
pub enum Ty {
    Prim(&'static str),
    List(Box<Ty>),
    Record(Vec<Ty>),
    Tuple(Vec<Ty>),
    Variant(Vec<Option<Ty>>),
    Enum(usize),
    Option(Box<Ty>),
    Result(Option<Box<Ty>>, Option<Box<Ty>>),
    Flags(usize),
}

const PRIMS: [&str; 13] = [
    "bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "string",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Core {
    I32,
    I64,
    F32,
    F64,
}

impl Core {
    fn name(self) -> &'static str {
        match self {
            Core::I32 => "i32",
            Core::I64 => "i64",
            Core::F32 => "f32",
            Core::F64 => "f64",
        }
    }

    fn join(self, other: Core) -> Core {
        match (self, other) {
            (a, b) if a == b => a,
            (Core::I32, Core::F32) | (Core::F32, Core::I32) => Core::I32,
            _ => Core::I64,
        }
    }
}

impl Ty {
    fn random(rng: &mut Rng, depth: usize) -> Ty {
        if depth >= 4 || rng.one_in(3) {
            return Ty::Prim(PRIMS[rng.below(PRIMS.len())]);
        }
        let some = |rng: &mut Rng, most: usize| -> Vec<Ty> {
            (0..=rng.below(most))
                .map(|_| Ty::random(rng, depth + 1))
                .collect()
        };
        let maybe = |rng: &mut Rng| (!rng.one_in(3)).then(|| Ty::random(rng, depth + 1));
        match rng.below(9) {
            0 | 1 => Ty::List(Box::new(Ty::random(rng, depth + 1))),
            2 => Ty::Record(some(rng, 5)),
            3 => Ty::Tuple(some(rng, 4)),
            4 => Ty::Variant((0..=rng.below(5)).map(|_| maybe(rng)).collect()),
            5 => Ty::Enum(if rng.one_in(6) { 300 } else { 1 + rng.below(6) }),
            6 => Ty::Option(Box::new(Ty::random(rng, depth + 1))),
            7 => Ty::Result(maybe(rng).map(Box::new), maybe(rng).map(Box::new)),
            _ => Ty::Flags(1 + rng.below(32)),
        }
    }

    fn flat(&self, out: &mut Vec<Core>) {
        let variant = |cases: &[Option<&Ty>], out: &mut Vec<Core>| {
            out.push(Core::I32);
            let mut joined: Vec<Core> = Vec::new();
            for case in cases.iter().flatten() {
                let mut flat = Vec::new();
                case.flat(&mut flat);
                for (n, core) in flat.into_iter().enumerate() {
                    match joined.get_mut(n) {
                        Some(slot) => *slot = slot.join(core),
                        None => joined.push(core),
                    }
                }
            }
            out.extend(joined);
        };
        match self {
            Ty::Prim("u64" | "s64") => out.push(Core::I64),
            Ty::Prim("f32") => out.push(Core::F32),
            Ty::Prim("f64") => out.push(Core::F64),
            Ty::Prim("string") | Ty::List(_) => out.extend([Core::I32; 2]),
            Ty::Prim(_) | Ty::Enum(_) | Ty::Flags(_) => out.push(Core::I32),
            Ty::Record(types) | Ty::Tuple(types) => types.iter().for_each(|ty| ty.flat(out)),
            Ty::Variant(cases) => {
                variant(&cases.iter().map(Option::as_ref).collect::<Vec<_>>(), out)
            }
            Ty::Option(ty) => variant(&[Some(ty)], out),
            Ty::Result(ok, err) => variant(&[ok.as_deref(), err.as_deref()], out),
        }
    }

    /// The type in WAT; named types are imported into `head` first, as the component model wants.
    fn wat(&self, head: &mut String, count: &mut usize) -> String {
        let mut inner = |ty: &Ty| ty.wat(head, count);
        let body = match self {
            Ty::Prim(name) => return (*name).to_owned(),
            Ty::List(ty) => return format!("(list {})", inner(ty)),
            Ty::Option(ty) => return format!("(option {})", inner(ty)),
            Ty::Tuple(types) => {
                let types: Vec<_> = types.iter().map(inner).collect();
                return format!("(tuple {})", types.join(" "));
            }
            Ty::Result(ok, err) => {
                let ok = ok.as_ref().map(|ty| inner(ty)).unwrap_or_default();
                let err = err
                    .as_ref()
                    .map(|ty| format!("(error {})", inner(ty)))
                    .unwrap_or_default();
                return format!("(result {ok} {err})");
            }
            Ty::Record(types) => {
                let fields = types.iter().enumerate();
                let fields: Vec<_> = fields
                    .map(|(n, ty)| format!("(field \"f{n}\" {})", inner(ty)))
                    .collect();
                format!("(record {})", fields.join(" "))
            }
            Ty::Variant(cases) => {
                let cases = cases.iter().enumerate();
                let cases: Vec<_> = cases
                    .map(|(n, ty)| {
                        format!(
                            "(case \"c{n}\" {})",
                            ty.as_ref().map(&mut inner).unwrap_or_default()
                        )
                    })
                    .collect();
                format!("(variant {})", cases.join(" "))
            }
            Ty::Enum(n) => format!("(enum {})", names(*n)),
            Ty::Flags(n) => format!("(flags {})", names(*n)),
        };
        let n = *count;
        *count += 1;
        writeln!(
            head,
            "(type $d{n} {body}) (import \"t{n}\" (type $t{n} (eq $d{n})))"
        )
        .unwrap();
        format!("$t{n}")
    }
}

fn names(count: usize) -> String {
    (0..count)
        .map(|n| format!("\"n{n}\""))
        .collect::<Vec<_>>()
        .join(" ")
}

pub struct Signature {
    pub params: Vec<Ty>,
    pub result: Option<Ty>,
    encoding: &'static str,
}

impl Signature {
    pub fn of(params: Vec<Ty>, result: Option<Ty>) -> Self {
        Signature {
            params,
            result,
            encoding: "utf8",
        }
    }

    pub fn random(rng: &mut Rng) -> Self {
        let count = if rng.one_in(5) {
            rng.below(20)
        } else {
            rng.below(4)
        };
        Signature {
            params: (0..count).map(|_| Ty::random(rng, 0)).collect(),
            result: (!rng.one_in(6)).then(|| Ty::random(rng, 0)),
            encoding: ["utf8", "utf8", "utf8", "utf16", "latin1+utf16"][rng.below(5)],
        }
    }

    fn flat(types: &[Ty]) -> Vec<Core> {
        let mut out = Vec::new();
        types.iter().for_each(|ty| ty.flat(&mut out));
        out
    }

    fn func_type(&self, head: &mut String) -> String {
        let mut count = 0;
        let mut out = String::new();
        for (n, ty) in self.params.iter().enumerate() {
            let ty = ty.wat(head, &mut count);
            write!(out, "(param \"p{n}\" {ty})").unwrap();
        }
        if let Some(ty) = &self.result {
            let ty = ty.wat(head, &mut count);
            write!(out, "(result {ty})").unwrap();
        }
        out
    }

    /// Export `f` passes its parameters to import `f` and gives back its result.
    pub fn wat(&self) -> String {
        let mut head = String::new();
        let func = self.func_type(&mut head);
        let mut params = Self::flat(&self.params);
        if params.len() > 16 {
            params = vec![Core::I32];
        }
        let results = Self::flat(self.result.as_slice());
        let list = |kind: &str, cores: &[Core]| match cores {
            [] => String::new(),
            cores => format!(
                "({kind} {})",
                cores.iter().map(|c| c.name()).collect::<Vec<_>>().join(" ")
            ),
        };
        let gets: String = (0..params.len())
            .map(|n| format!("local.get {n} "))
            .collect();
        let (import, result, body) = if results.len() <= 1 {
            let result = list("result", &results);
            (
                format!("{} {result}", list("param", &params)),
                result,
                format!("{gets} call $f"),
            )
        } else {
            let mut with_ret = params.clone();
            with_ret.push(Core::I32);
            // The result area is the first 64 KiB.
            (
                list("param", &with_ret),
                "(result i32)".to_owned(),
                format!("{gets} i32.const 0 call $f i32.const 0"),
            )
        };
        let post = match results.len() {
            0 => String::new(),
            1 => format!("(param {})", results[0].name()),
            _ => "(param i32)".to_owned(),
        };
        let encoding = self.encoding;
        format!(
            r#"(component
            {head}
            (import "f" (func $f {func}))
            (core module $libc
                (memory (export "mem") 2 2048)
                (global $at (mut i32) (i32.const 65536))
                (func (export "reset") (global.set $at (i32.const 65536)))
                (func (export "realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
                    (local $ptr i32)
                    (local.set $ptr (i32.and
                        (i32.add (global.get $at) (i32.sub (local.get $align) (i32.const 1)))
                        (i32.sub (i32.const 0) (local.get $align))))
                    (if (i32.gt_u (local.get $size) (i32.const 100000000)) (then unreachable))
                    (global.set $at (i32.add (local.get $ptr) (local.get $size)))
                    (block $done (loop $grow
                        (br_if $done (i32.le_u (global.get $at) (i32.mul (memory.size) (i32.const 65536))))
                        (if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then unreachable))
                        (br $grow)))
                    (if (local.get $was) (then
                        (memory.copy (local.get $ptr) (local.get $old)
                            (select (local.get $was) (local.get $size) (i32.lt_u (local.get $was) (local.get $size))))))
                    (local.get $ptr)))
            (core instance $libc (instantiate $libc))
            (core func $lowered (canon lower (func $f)
                (memory $libc "mem") (realloc (func $libc "realloc")) string-encoding={encoding}))
            (core module $m
                (import "h" "f" (func $f {import}))
                (import "h" "reset" (func $reset))
                (func (export "f") {params} {result} {body})
                (func (export "post") {post} (call $reset)))
            (core instance $i (instantiate $m (with "h" (instance
                (export "f" (func $lowered)) (export "reset" (func $libc "reset"))))))
            (func (export "f") {func} (canon lift (core func $i "f")
                (memory $libc "mem") (realloc (func $libc "realloc")) string-encoding={encoding}
                (post-return (func $i "post")))))"#,
            params = list("param", &params),
        )
    }

    /// Export `f` gives a result that is random memory, or a random number. Small numbers are likely, so that some
    /// pointers, lengths and discriminants fit.
    pub fn wat_of_random_memory(&self, rng: &mut Rng) -> String {
        let mut head = String::new();
        let func = self.func_type(&mut head);
        let results = Self::flat(self.result.as_slice());
        let mut data = String::new();
        let wild = rng.one_in(3);
        for _ in 0..1024 {
            let word = match rng.below(if wild { 8 } else { 4 }) {
                0 | 1 => 0,
                2 => rng.below(4) as u32,
                3 => 8 * rng.below(16) as u32,
                _ => rng.next() as u32,
            };
            for byte in word.to_le_bytes() {
                write!(data, "\\{byte:02x}").unwrap();
            }
        }
        let (result, body) = match results[..] {
            [] => (String::new(), String::new()),
            [core] => {
                let number = rng.below(300);
                (
                    format!("(result {})", core.name()),
                    format!("{}.const {number}", core.name()),
                )
            }
            _ => {
                let at = if rng.one_in(8) {
                    rng.below(70000)
                } else {
                    8 * rng.below(400)
                };
                ("(result i32)".to_owned(), format!("i32.const {at}"))
            }
        };
        let encoding = self.encoding;
        format!(
            r#"(component
            {head}
            (core module $m
                (memory (export "mem") 1)
                (data (i32.const 0) "{data}")
                (func (export "f") {result} {body}))
            (core instance $i (instantiate $m))
            (func (export "f") {func} (canon lift (core func $i "f") (memory $i "mem") string-encoding={encoding})))"#
        )
    }
}

/// A random value of a type.
pub fn value(rng: &mut Rng, ty: &Type, depth: usize) -> Val {
    let inner = |rng: &mut Rng, ty: &Type| value(rng, ty, depth + 1);
    match ty {
        Type::Bool => Val::Bool(rng.one_in(2)),
        Type::U8 => Val::U8(rng.number() as u8),
        Type::S8 => Val::S8(rng.number() as i8),
        Type::U16 => Val::U16(rng.number() as u16),
        Type::S16 => Val::S16(rng.number() as i16),
        Type::U32 => Val::U32(rng.number() as u32),
        Type::S32 => Val::S32(rng.number() as i32),
        Type::U64 => Val::U64(rng.number()),
        Type::S64 => Val::S64(rng.number() as i64),
        Type::Float32 => Val::Float32(f32::from_bits(
            rng.next() as u32 | if rng.one_in(4) { 0x7f80_0000 } else { 0 },
        )),
        Type::Float64 => Val::Float64(f64::from_bits(
            rng.next() | if rng.one_in(4) { 0x7ff0 << 48 } else { 0 },
        )),
        Type::Char => Val::Char(char(rng)),
        Type::String => Val::String((0..rng.below(12)).map(|_| char(rng)).collect()),
        Type::List(ty) => {
            let ty = ty.ty();
            let len = if depth > 3 {
                rng.below(3)
            } else {
                rng.below(6)
            };
            Val::List((0..len).map(|_| inner(rng, &ty)).collect())
        }
        Type::Record(ty) => Val::Record(
            ty.fields()
                .map(|field| (field.name.to_owned(), inner(rng, &field.ty)))
                .collect(),
        ),
        Type::Tuple(ty) => Val::Tuple(ty.types().map(|ty| inner(rng, &ty)).collect()),
        Type::Variant(ty) => {
            let n = rng.below(ty.cases().len());
            let case = ty.cases().nth(n).unwrap();
            Val::Variant(
                case.name.to_owned(),
                case.ty.map(|ty| Box::new(inner(rng, &ty))),
            )
        }
        Type::Enum(ty) => {
            let n = rng.below(ty.names().len());
            Val::Enum(ty.names().nth(n).unwrap().to_owned())
        }
        Type::Option(ty) => Val::Option((!rng.one_in(3)).then(|| Box::new(inner(rng, &ty.ty())))),
        Type::Result(ty) => match rng.one_in(2) {
            true => Val::Result(Ok(ty.ok().map(|ty| Box::new(inner(rng, &ty))))),
            false => Val::Result(Err(ty.err().map(|ty| Box::new(inner(rng, &ty))))),
        },
        Type::Flags(ty) => {
            let set = ty.names().filter(|_| rng.one_in(2));
            Val::Flags(set.map(str::to_owned).collect())
        }
        _ => unreachable!("no such type is made"),
    }
}

fn char(rng: &mut Rng) -> char {
    let most = [0x80, 0x100, 0x800, 0xd800, 0x11_0000][rng.below(5)];
    char::from_u32(rng.below(most) as u32).unwrap_or('\u{fffd}')
}
