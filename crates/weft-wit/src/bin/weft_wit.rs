// SPDX-License-Identifier: Apache-2.0
//! `weft-wit`: bindings and components, before there is a `weft` to do it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use weft_wit::{Adapter, Options, componentize, write_bindings};

const USAGE: &str = "\
usage:
  weft-wit bindgen c --wit DIR [--world WORLD] --out DIR
  weft-wit new IN.wasm -o OUT.wasm [--adapter auto|none|reactor|command|proxy] [--wit DIR] [--world WORLD]
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["bindgen", "c", rest @ ..] => bindgen(rest),
        ["new", rest @ ..] => new(rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weft-wit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bindgen(words: &[&str]) -> Result<()> {
    let arguments = Arguments::parse(words, &["--wit", "--world", "--out"])?;
    if !arguments.inputs.is_empty() {
        bail!("unexpected argument '{}'", arguments.inputs[0]);
    }
    let wit = PathBuf::from(arguments.required("--wit")?);
    let out = PathBuf::from(arguments.required("--out")?);
    for path in write_bindings(&wit, arguments.option("--world").unwrap_or(""), &out)? {
        println!("{}", path.display());
    }
    Ok(())
}

fn new(words: &[&str]) -> Result<()> {
    let arguments = Arguments::parse(words, &["-o", "--adapter", "--wit", "--world"])?;
    let [input] = arguments.inputs.as_slice() else {
        bail!("name exactly one core module");
    };
    let out = arguments.required("-o")?;
    let adapter = arguments.option("--adapter").unwrap_or("auto");
    let adapter = Adapter::from_name(adapter).ok_or_else(|| {
        anyhow!("unknown adapter '{adapter}', choose auto, none, reactor, command or proxy")
    })?;
    let world = arguments.option("--wit").map(|wit| {
        (
            PathBuf::from(wit),
            arguments.option("--world").unwrap_or("").to_owned(),
        )
    });
    let module = std::fs::read(input).with_context(|| format!("cannot read '{input}'"))?;
    let component = componentize(&module, &Options { adapter, world })
        .with_context(|| format!("cannot componentize '{input}'"))?;
    // Whole or not at all: a reader never sees half a component.
    let partial = format!("{out}.partial");
    std::fs::write(&partial, component).with_context(|| format!("cannot write '{partial}'"))?;
    std::fs::rename(&partial, out).with_context(|| format!("cannot write '{out}'"))
}

/// Words that are neither an option nor its value are inputs. Every option takes a value; the last one given counts.
struct Arguments {
    options: Vec<(String, String)>,
    inputs: Vec<String>,
}

impl Arguments {
    fn parse(words: &[&str], known: &[&str]) -> Result<Arguments> {
        let mut arguments = Arguments {
            options: Vec::new(),
            inputs: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if known.contains(word) {
                let value = words
                    .next()
                    .ok_or_else(|| anyhow!("option '{word}' needs a value"))?;
                arguments
                    .options
                    .push(((*word).to_owned(), (*value).to_owned()));
            } else if word.starts_with('-') {
                bail!("unknown option '{word}'");
            } else {
                arguments.inputs.push((*word).to_owned());
            }
        }
        Ok(arguments)
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str) -> Result<&str> {
        self.option(name)
            .ok_or_else(|| anyhow!("option '{name}' is missing"))
    }
}
