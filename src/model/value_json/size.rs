use crate::model::{Fields, Metadata, Value};

impl Value {
    /// Returns the length of what `Serialize` writes as compact JSON, without writing it: it is asked of every record.
    fn json_bytes(&self) -> usize {
        match self {
            Self::Null => "null".len(),
            Self::Bool(true) => "true".len(),
            Self::Bool(false) => "false".len(),
            Self::I64(number) => usize::from(*number < 0) + digits(number.unsigned_abs()),
            Self::U64(number) => digits(*number),
            Self::F64(number) => float_bytes(*number),
            Self::Decimal(digits) => self.as_f64().map_or_else(|| text_bytes(digits), float_bytes),
            Self::Text(text) | Self::Time(text) => text_bytes(text),
            Self::Bytes(bytes) => "\"\"".len() + bytes.len().div_ceil(3) * 4,
            Self::List(items) => {
                let bytes: usize = items.iter().map(Self::json_bytes).sum();
                "[]".len() + bytes + items.len().saturating_sub(1)
            }
            Self::Map(fields) => fields_bytes(fields),
        }
    }
}

impl Value {
    fn most_json_bytes(&self) -> usize {
        match self {
            Self::F64(_) => LONGEST_FLOAT,
            Self::Decimal(digits) => LONGEST_FLOAT.max(most_text_bytes(digits)),
            Self::Text(text) | Self::Time(text) => most_text_bytes(text),
            Self::List(items) => {
                "[]".len() + items.iter().map(|item| item.most_json_bytes() + 1).sum::<usize>()
            }
            Self::Map(fields) => most_fields_bytes(fields),
            short => short.json_bytes(),
        }
    }
}

impl Metadata {
    /// Returns a size that [`Metadata::json_bytes`] is not above. Nothing is formatted or looked through for it, and few
    /// records come near a limit.
    pub fn most_json_bytes(&self) -> usize {
        most_fields_bytes(&self.0)
    }

    /// Returns the size as compact JSON in bytes, which is what size limits count.
    pub fn json_bytes(&self) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        fields_bytes(&self.0)
    }
}

fn fields_bytes(fields: &Fields) -> usize {
    let members: usize =
        fields.iter().map(|(name, value)| text_bytes(name) + ":".len() + value.json_bytes()).sum();
    "{}".len() + members + fields.len().saturating_sub(1)
}

/// The most characters of a float: a sign, 17 digits, a point, and an exponent of three digits with its sign.
const LONGEST_FLOAT: usize = "-1.7976931348623157e+308".len();

fn most_fields_bytes(fields: &Fields) -> usize {
    let members = fields.iter();
    let members = members.map(|(name, value)| most_text_bytes(name) + value.most_json_bytes() + 2);
    "{}".len() + members.sum::<usize>()
}

/// Each byte may be escaped, as `\u001f` is.
fn most_text_bytes(text: &str) -> usize {
    "\"\"".len() + text.len() * 6
}

fn text_bytes(text: &str) -> usize {
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let is_short = |byte: &u8| matches!(byte, 8 | 9 | 10 | 12 | 13 | b'"' | b'\\');
    // Hardly any text has some, and counting them is quick.
    let escapes = match text.bytes().filter(is_escaped).count() {
        0 => 0,
        all => {
            let short = text.bytes().filter(is_short).count();
            short + (all - short) * "u0000".len()
        }
    };
    "\"\"".len() + text.len() + escapes
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

fn float_bytes(number: f64) -> usize {
    // Whole numbers of few digits are written out, with their sign and a zero behind the point.
    if number.fract() == 0.0 && number.abs() < 1e15 {
        let sign = usize::from(number.is_sign_negative());
        return sign + digits(number.abs() as u64) + ".0".len();
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, &number) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
