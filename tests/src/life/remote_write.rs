//! Writes series to a Prometheus by remote write 1.0. The protobuf message and the snappy block are encoded here; the
//! block holds only literals, because compression is of no use on the loopback interface.

#![expect(clippy::cast_possible_truncation, reason = "seven bits at a time; lengths of at most 65,536")]

use super::board::{Labels, Tracks};
use crate::http::post;
use anyhow::ensure;

/// The NaN that marks the end of a series in Prometheus (`StaleNaN` in `model/value`).
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// Number of samples after which a request is sent. It then has some megabytes.
const MOST: usize = 200_000;

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Encodes one `TimeSeries` of a `WriteRequest`.
fn series(name: &str, labels: &Labels, samples: &[(i64, f64)]) -> Vec<u8> {
    let mut all: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("__name__", name));
    all.sort_unstable();
    let mut out = Vec::new();
    for (name, value) in all {
        let mut label = Vec::new();
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut out, 1, &label);
    }
    for (at, value) in samples {
        let mut sample = vec![9];
        sample.extend_from_slice(&value.to_bits().to_le_bytes());
        sample.push(16);
        varint(&mut sample, at.cast_unsigned());
        field(&mut out, 2, &sample);
    }
    out
}

/// Encodes bytes as a snappy block of literals.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 65_536 * 3 + 16);
    varint(&mut out, bytes.len() as u64);
    for part in bytes.chunks(65_536) {
        // Tag 61 announces a literal whose length less one follows in two bytes.
        let length = part.len() - 1;
        out.extend_from_slice(&[61 << 2, (length & 0xff) as u8, (length >> 8) as u8]);
        out.extend_from_slice(part);
    }
    out
}

/// Sends series, one block of `block` minutes after the other, so that Prometheus gets the samples in order. `begin` is
/// the time of minute 0 in Unix milliseconds.
///
/// # Errors
/// Fails when Prometheus refuses the samples.
pub async fn send(port: u16, tracks: &Tracks, begin: i64, block: usize) -> anyhow::Result<()> {
    let minutes = tracks.values().map(Vec::len).max().unwrap_or_default();
    let mut from = 0;
    while from < minutes {
        let until = (from + block).min(minutes);
        let mut request = Vec::new();
        let mut samples = 0;
        for ((name, labels), values) in tracks {
            let mut points = Vec::new();
            for minute in from..until.min(values.len()) {
                let at = begin + i64::try_from(minute)? * 60_000;
                let value = values[minute];
                let before = minute.checked_sub(1).map_or(f64::NAN, |before| values[before]);
                if !value.is_nan() {
                    points.push((at, value));
                } else if !before.is_nan() {
                    points.push((at, f64::from_bits(STALE)));
                }
            }
            if points.is_empty() {
                continue;
            }
            samples += points.len();
            field(&mut request, 1, &series(name, labels, &points));
            if samples >= MOST {
                flush(port, &mut request).await?;
                samples = 0;
            }
        }
        flush(port, &mut request).await?;
        from = until;
    }
    Ok(())
}

async fn flush(port: u16, request: &mut Vec<u8>) -> anyhow::Result<()> {
    if request.is_empty() {
        return Ok(());
    }
    let headers = [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    let url = format!("http://127.0.0.1:{port}/api/v1/write");
    let (status, response) = post(&url, snappy(request), &headers).await?;
    ensure!(status < 300, "Prometheus answered {status}: {}", String::from_utf8_lossy(&response));
    request.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_encoded_in_the_wire_format() {
        let mut out = Vec::new();
        varint(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
        let one = series("up", &Labels::new(), &[(1, 1.0)]);
        let label = [10, 14, 10, 8, b'_', b'_', b'n', b'a', b'm', b'e', b'_', b'_', 18, 2, b'u', b'p'];
        assert_eq!(one[..16], label);
        assert_eq!(one[16..], [18, 11, 9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 16, 1]);
        assert_eq!(snappy(b"abc"), [3, 61 << 2, 2, 0, b'a', b'b', b'c']);
    }
}
