//! Parses quantities of Kubernetes: `250m`, `1536Mi`, `12e6`.

use serde::Deserialize;

/// Returns the value of a quantity in cores or bytes, by the grammar of `resource.Quantity` in apimachinery.
pub fn parse(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-' && c != '+').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        // Divided, because 700 * 0.001 is 0.7000000000000001.
        "n" => return Some(number / 1e9),
        "u" => return Some(number / 1e6),
        "m" => return Some(number / 1e3),
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        exponent => {
            let digits = exponent.strip_prefix(['e', 'E'])?;
            10_f64.powi(digits.parse().ok()?)
        }
    };
    Some(number * factor).filter(|value| value.is_finite())
}

/// Returns a sum of cores without the error of binary fractions, by which 0.1 and 0.2 are 0.30000000000000004.
/// Nanocores are the smallest unit.
pub fn exact_cores(sum: f64) -> f64 {
    (sum * 1e9).round() / 1e9
}

/// CPU and memory quantities of an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    cpu: Option<Box<str>>,
    memory: Option<Box<str>>,
}

impl Resources {
    /// Returns CPU in cores and memory in bytes.
    pub fn amounts(&self) -> (Option<f64>, Option<f64>) {
        (self.cpu.as_deref().and_then(parse), self.memory.as_deref().and_then(parse))
    }
}

#[cfg(test)]
mod tests {
    use super::{exact_cores, parse};

    #[test]
    fn every_quantity_suffix_is_parsed_and_others_are_refused() {
        for (text, value) in [("250m", 0.25), ("2", 2.0), ("1536Mi", 1_610_612_736.0), ("12e6", 12e6), ("5E", 5e18)] {
            assert!((parse(text).unwrap_or(f64::NAN) - value).abs() < 1e-6 * value, "{text}");
        }
        // The nearest number, whose shortest decimal notation is the written one.
        for (text, value) in [("100m", 0.1), ("700m", 0.7), ("1100m", 1.1), ("123456789n", 0.123_456_789)] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        assert_eq!(parse("100m").zip(parse("200m")).map(|(one, other)| exact_cores(one + other)), Some(0.3));
        for text in ["", "Mi", "12 Mi", "1e", "1e999", "twelve"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
