// SPDX-License-Identifier: Apache-2.0
//! What one deployment of a component may do, read from the JSON of weft_prepare, and the WASI context that follows from it.

use crate::error::{Code, Error, Result};
use crate::logs::{LogQueue, LogStream, Stream};
use serde_json::Value;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use wasmtime_wasi::{FsPerms, WasiCtx};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stdio {
    Log,
    Inherit,
    Discard,
}

pub struct Dir {
    pub host: String,
    pub guest: String,
    pub write: bool,
}

pub struct Grants {
    pub id: String,
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
    pub dirs: Vec<Dir>,
    pub network: Arc<Network>,
    pub stdio: Stdio,
    /// Interfaces that C answers with bytes; `ALL_IMPORTS` among them means every one that the engine does not provide itself.
    pub imports: Vec<String>,
    pub max_memory_bytes: u64,
    pub max_table_elements: u64,
    pub reuse: u32,
}

/// In place of an interface's name: C answers whatever the component imports. What is not linked is then an error at the call.
const ALL_IMPORTS: &str = "*";

impl Grants {
    /// True if C answers the imports of this interface.
    pub fn answers(&self, interface: &str) -> bool {
        self.imports
            .iter()
            .any(|granted| granted == interface || granted == ALL_IMPORTS)
    }

    pub fn parse(json: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| invalid(&format!("it is not JSON ({error})")))?;
        let strings = |name: &str| -> Result<Vec<String>> {
            list(&value, name)?
                .iter()
                .map(|item| string(item, name))
                .collect()
        };
        let grants = Grants {
            id: match value.get("id") {
                Some(id) => string(id, "id")?,
                None => String::new(),
            },
            environment: list(&value, "env")?
                .iter()
                .map(pair)
                .collect::<Result<_>>()?,
            arguments: strings("args")?,
            dirs: list(&value, "dirs")?
                .iter()
                .map(dir)
                .collect::<Result<_>>()?,
            network: Arc::new(Network::resolve(&strings("network")?)?),
            stdio: match value.get("stdio").and_then(Value::as_str) {
                None | Some("log") => Stdio::Log,
                Some("inherit") => Stdio::Inherit,
                Some("discard") => Stdio::Discard,
                Some(other) => return Err(invalid(&format!("stdio is \"{other}\""))),
            },
            imports: strings("imports")?,
            max_memory_bytes: number(&value, "max_memory_bytes", u64::MAX)?,
            max_table_elements: number(&value, "max_table_elements", 100_000)?,
            reuse: u32::try_from(number(&value, "reuse", 0)?)
                .map_err(|_| invalid("reuse is too large"))?,
        };
        // A folder that cannot be opened is told now, not at the first request.
        for dir in &grants.dirs {
            std::fs::read_dir(&dir.host).map_err(|error| {
                Error::new(
                    Code::NotFound,
                    format!("cannot open the folder {}: {error}", dir.host),
                )
                .hint("check the path given with --dir")
            })?;
        }
        Ok(grants)
    }

    /// A fresh WASI context with these grants and nothing else.
    pub fn wasi(&self, logs: &LogQueue) -> wasmtime::Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        // The first argument is the program's name, as everywhere.
        wasi.envs(&self.environment)
            .arg(&self.id)
            .args(&self.arguments);
        match self.stdio {
            Stdio::Inherit => {
                wasi.inherit_stdio();
            }
            Stdio::Log => {
                let stream = |stream| LogStream {
                    queue: logs.clone(),
                    stream,
                };
                wasi.stdout(stream(Stream::Stdout))
                    .stderr(stream(Stream::Stderr));
            }
            Stdio::Discard => {}
        }
        for dir in &self.dirs {
            let perms = if dir.write {
                FsPerms::ReadWrite
            } else {
                FsPerms::ReadOnly
            };
            wasi.preopened_dir(&dir.host, &dir.guest, perms)?;
        }
        if !self.network.is_empty() {
            let network = self.network.clone();
            wasi.allow_tcp(true)
                .allow_udp(true)
                .allow_ip_name_lookup(true)
                .socket_addr_check(move |address, usage| {
                    let allowed = network.allows(&address, usage);
                    Box::pin(std::future::ready(allowed))
                });
        } else {
            wasi.allow_tcp(false).allow_udp(false);
        }
        Ok(wasi.build())
    }
}

/// The addresses that may be connected to. Names are resolved once, when the component is deployed.
#[derive(Default)]
pub struct Network {
    exact: HashSet<SocketAddr>,
    any_port: HashSet<IpAddr>,
}

impl Network {
    fn resolve(allowed: &[String]) -> Result<Self> {
        let mut network = Network::default();
        for entry in allowed {
            let bad = |why: String| {
                Error::new(
                    Code::InvalidArgument,
                    format!("cannot allow the network address \"{entry}\": {why}"),
                )
                .hint("write host:port or host:*, such as 127.0.0.1:6379")
            };
            let (host, port) = entry
                .rsplit_once(':')
                .ok_or_else(|| bad("it has no port".into()))?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let number = if port == "*" {
                Ok(0)
            } else {
                port.parse::<u16>()
            };
            let number = number.map_err(|error| bad(error.to_string()))?;
            for address in (host, number)
                .to_socket_addrs()
                .map_err(|error| bad(error.to_string()))?
            {
                if port == "*" {
                    network.any_port.insert(address.ip().to_canonical());
                } else {
                    network
                        .exact
                        .insert(SocketAddr::new(address.ip().to_canonical(), number));
                }
            }
        }
        Ok(network)
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.any_port.is_empty()
    }

    fn allows(&self, address: &SocketAddr, usage: wasmtime_wasi::sockets::SocketAddrUse) -> bool {
        use wasmtime_wasi::sockets::SocketAddrUse;
        match usage {
            SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => {
                let ip = address.ip().to_canonical();
                self.any_port.contains(&ip)
                    || self.exact.contains(&SocketAddr::new(ip, address.port()))
            }
            // The implicit bind of an outgoing socket, to any local address and a port of the system's choice.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
                address.ip().is_unspecified() && address.port() == 0
            }
            SocketAddrUse::UdpReceive => true,
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
        }
    }
}

fn invalid(why: &str) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("the component's configuration is not valid: {why}"),
    )
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value]> {
    match value.get(name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(invalid(&format!("{name} is not a list"))),
    }
}

fn string(value: &Value, name: &str) -> Result<String> {
    let text = value
        .as_str()
        .ok_or_else(|| invalid(&format!("{name} holds something that is not text")))?;
    Ok(text.to_owned())
}

fn pair(value: &Value) -> Result<(String, String)> {
    match value.as_array().map(Vec::as_slice) {
        Some([name, value]) => Ok((string(name, "env")?, string(value, "env")?)),
        _ => Err(invalid("env holds something that is not a pair")),
    }
}

fn dir(value: &Value) -> Result<Dir> {
    let field = |name: &str| string(value.get(name).unwrap_or(&Value::Null), "dirs");
    Ok(Dir {
        host: field("host")?,
        guest: field("guest")?,
        write: value.get("write").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn number(value: &Value, name: &str, default: u64) -> Result<u64> {
    match value.get(name) {
        None => Ok(default),
        Some(number) => number
            .as_u64()
            .ok_or_else(|| invalid(&format!("{name} is not a whole number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_grants_nothing() {
        let grants = Grants::parse(b"{}").expect("valid");
        assert!(
            grants.environment.is_empty() && grants.dirs.is_empty() && grants.network.is_empty()
        );
        assert_eq!(grants.stdio, Stdio::Log);
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for bad in [
            "",
            "[",
            r#"{"env":1}"#,
            r#"{"env":[["A"]]}"#,
            r#"{"stdio":"tty"}"#,
            r#"{"reuse":-1}"#,
            r#"{"network":["nohost"]}"#,
        ] {
            assert!(Grants::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_network_list_is_exact() {
        use wasmtime_wasi::sockets::SocketAddrUse::{TcpConnect, TcpListen};
        let network =
            Network::resolve(&["127.0.0.1:80".into(), "127.0.0.2:*".into()]).expect("valid");
        let allows =
            |address: &str, usage| network.allows(&address.parse().expect("an address"), usage);
        assert!(allows("127.0.0.1:80", TcpConnect));
        assert!(!allows("127.0.0.1:81", TcpConnect));
        assert!(allows("127.0.0.2:81", TcpConnect));
        assert!(allows("[::ffff:127.0.0.1]:80", TcpConnect));
        assert!(!allows("127.0.0.1:80", TcpListen));
    }
}
