//! A stand-in for an appliance: real TLS on a port of its own, answers as the test says, and remembers what it was asked.
//!
//! It knows nothing of clusters; whole clusters are tested in the workspace's `tests/`.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(crate) type Anyhow<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A request as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// `POST /api/v1/nodes?skip=0`
    pub(crate) line: String,
    /// The bearer token; `""` without one.
    pub(crate) token: String,
    /// The body, as a string where it is no JSON; null without one.
    pub(crate) body: serde_json::Value,
}

/// An answer: status and body.
pub(crate) type Reply = (u16, serde_json::Value);

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running stand-in. Stops when dropped.
pub(crate) struct Appliance {
    address: SocketAddr,
    certificate: String,
    seen: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Appliance {
    /// Starts one that logs in everybody (token `jwt-1`) and leaves everything else to `handler`.
    pub(crate) fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Anyhow<Self> {
        Self::start_bare(move |request| {
            if request.line.starts_with("POST /api/v1/auth/tokens") {
                tokens("jwt-1")
            } else {
                handler(request)
            }
        })
    }

    /// Starts one that leaves log-ins to `handler` too.
    pub(crate) fn start_bare(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Anyhow<Self> {
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(["127.0.0.1".to_owned()])?.self_signed(&key)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let service = Service {
            tls: Arc::new(tls),
            handler: Arc::new(handler),
            seen: Arc::clone(&seen),
        };
        let stopped = Arc::clone(&stop);
        let listener = Some(std::thread::spawn(move || service.listen(&listener, &stopped)));
        Ok(Self {
            address,
            certificate: certificate.pem(),
            seen,
            stop,
            listener,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate, in PEM: the CA to trust.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What it was asked so far, without log-ins.
    pub(crate) fn asked(&self) -> Vec<Request> {
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.into_iter()
            .filter(|request| !request.line.contains("/auth/tokens"))
            .collect()
    }

    /// The bodies of the log-ins so far.
    pub(crate) fn logins(&self) -> Vec<serde_json::Value> {
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.into_iter()
            .filter(|request| request.line.contains("/auth/tokens"))
            .map(|request| request.body)
            .collect()
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// The answer to a good log-in.
pub(crate) fn tokens(jwt: &str) -> Reply {
    let body = serde_json::json!({
        "jwt": jwt, "duration": 300, "token_type": "Bearer", "client_id": "c", "refresh_token_id": "i",
        "refresh_token": format!("refresh-{jwt}"),
    });
    (200, body)
}

/// The answer that refuses something.
pub(crate) fn refusal(status: u16, text: &str) -> Reply {
    (status, serde_json::json!({"code": 5, "codeDesc": text}))
}

/// The answer to `GET /v1/cluster`.
pub(crate) fn state(code: &str, description: &str, count: u64) -> Reply {
    let body = serde_json::json!({
        "nodeID": "78f3f9e6b0c14f1e9d52a3c7be713c01", "status": {"code": code, "description": description},
        "nodeCount": count,
    });
    (200, body)
}

#[derive(Clone)]
struct Service {
    tls: Arc<ServerConfig>,
    handler: Arc<Handler>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Service {
    fn listen(&self, listener: &TcpListener, stop: &AtomicBool) {
        for stream in listener.incoming() {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let service = self.clone();
            // A client that breaks off, as one that trusts nobody does, is not this side's trouble.
            std::thread::spawn(move || stream.map(|stream| service.serve(stream)).is_ok());
        }
    }

    fn serve(&self, stream: TcpStream) -> Anyhow<()> {
        let connection = ServerConnection::new(Arc::clone(&self.tls))?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let request = read(&mut stream)?;
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        let (status, body) = (self.handler)(&request);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let stream = stream.get_mut();
        write!(
            stream,
            "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n{body}",
            body.len()
        )?;
        stream.conn.send_close_notify();
        stream.flush()?;
        Ok(())
    }
}

fn read(stream: &mut impl BufRead) -> Anyhow<Request> {
    let mut request = Request::default();
    let (mut length, mut is_chunked) = (0, false);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    line.trim_end()
        .trim_end_matches(" HTTP/1.1")
        .clone_into(&mut request.line);
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "transfer-encoding" => is_chunked = value == "chunked",
            "authorization" => value.trim_start_matches("Bearer ").clone_into(&mut request.token),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    if is_chunked {
        body = chunks(stream)?;
    }
    if !body.is_empty() {
        let text = || String::from_utf8_lossy(&body).into_owned();
        request.body = serde_json::from_slice(&body).unwrap_or_else(|_| serde_json::Value::String(text()));
    }
    Ok(request)
}

/// A body whose length is told piece by piece.
fn chunks(stream: &mut impl BufRead) -> Anyhow<Vec<u8>> {
    let (mut body, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16)?;
        let mut piece = vec![0; length + 2];
        stream.read_exact(&mut piece)?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(piece.get(..length).unwrap_or_default());
    }
}
