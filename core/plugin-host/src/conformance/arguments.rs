//! Arguments to try: too few, too many, of every kind, deep, long, random, and no CBOR at all.

use std::collections::BTreeMap;

use ceralacca_kernel::shape::{Field, Shape, Shapes};
use ceralacca_kernel::{Handle, Primitive, Value, cbor};

/// The same numbers every time (xorshift).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new() -> Numbers {
        Numbers(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// One value of each kind, and of each at its limits.
fn every_kind() -> Vec<Value> {
    let deep = (0..30).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let deep_map = (0..30).fold(Value::Int(1), |inner, _| Value::from([("a", inner)]));
    let handle = |kind: &str, id| Value::Handle(Handle { kind: kind.to_owned(), id: Box::new(id) });
    vec![
        Value::Null,
        Value::Bool(true),
        Value::Int(0),
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Float(0.5),
        Value::Float(f64::NAN),
        Value::Float(f64::INFINITY),
        Value::from(""),
        Value::from("àè€𝄞\u{202e}\0%s%n../../etc"),
        Value::Str("x".repeat(1 << 20)),
        Value::Bytes(Vec::new()),
        Value::Bytes(vec![0xff; 1 << 20]),
        Value::List(Vec::new()),
        Value::List(vec![Value::Int(1); 10_000]),
        deep,
        Value::Map(BTreeMap::new()),
        Value::from([("\0", Value::Null), ("no_such_field", Value::Int(1))]),
        deep_map,
        handle("nothing", Value::Null),
        handle("document", Value::from("x")),
        handle("secret", Value::from("no_such_secret")),
    ]
}

/// Lists of arguments that are values; whether they fit is for others to say.
pub(super) fn values(primitive: &Primitive, numbers: &mut Numbers) -> Vec<Vec<Value>> {
    let count = primitive.params.len();
    let plausible: Vec<Value> = primitive
        .params
        .iter()
        .map(|param| {
            let mut shapes = Shapes::default();
            let shape = shapes.of(param);
            plausible(&shape, &shapes.records, 8)
        })
        .collect();
    let mut all = vec![Vec::new(), plausible.clone(), vec![Value::Int(7); count + 8]];
    for at in 0..count {
        for kind in every_kind() {
            let mut one = plausible.clone();
            one[at] = kind;
            all.push(one);
        }
    }
    all.extend((0..64).map(|_| {
        let length = numbers.below(count as u64 + 2);
        (0..length).map(|_| random(numbers, 5)).collect()
    }));
    all
}

/// A value that the shape allows, handles apart: nobody can make one up.
fn plausible(shape: &Shape, records: &BTreeMap<String, Vec<Field>>, depth: usize) -> Value {
    let inside = |shape: &Shape| plausible(shape, records, depth.saturating_sub(1));
    match shape {
        Shape::Any | Shape::Nothing => Value::Null,
        Shape::Flag => Value::Bool(true),
        Shape::Integer => Value::Int(3),
        Shape::Number => Value::Float(1.5),
        Shape::Text => Value::from("testo"),
        Shape::Bytes => Value::Bytes(b"byte".to_vec()),
        Shape::Words(words) => words.first().map_or(Value::Null, |word| word.as_str().into()),
        Shape::Optional(_) if depth == 0 => Value::Null,
        Shape::Optional(shape) => inside(shape),
        Shape::List(_) if depth == 0 => Value::List(Vec::new()),
        Shape::List(item) => Value::List(vec![inside(item), inside(item)]),
        Shape::Map(item) => Value::from([("chiave", inside(item))]),
        Shape::Either(shapes) => shapes.first().map_or(Value::Null, inside),
        Shape::Record(name) => {
            let fields = records.get(name).map_or(&[][..], Vec::as_slice);
            let field = |field: &Field| (field.name.clone(), inside(&field.shape));
            match depth {
                0 => Value::Null,
                _ => Value::Map(fields.iter().map(field).collect()),
            }
        }
        Shape::Handle(kind) => {
            Value::Handle(Handle { kind: kind.clone(), id: Box::new(Value::from("none")) })
        }
    }
}

fn random(numbers: &mut Numbers, depth: u64) -> Value {
    let text = |numbers: &mut Numbers| {
        let length = numbers.below(24);
        let letter = |numbers: &mut Numbers| char::from_u32(numbers.below(0x300) as u32);
        (0..length).filter_map(|_| letter(numbers)).collect::<String>()
    };
    let kinds = if depth == 0 { 6 } else { 9 };
    match numbers.below(kinds) {
        0 => Value::Null,
        1 => Value::Bool(numbers.below(2) == 0),
        2 => Value::Int(numbers.next() as i64),
        3 => Value::Float(f64::from_bits(numbers.next())),
        4 => Value::Str(text(numbers)),
        5 => Value::Bytes(numbers.next().to_le_bytes().to_vec()),
        6 => Value::List((0..numbers.below(5)).map(|_| random(numbers, depth - 1)).collect()),
        7 => {
            let length = numbers.below(5);
            Value::Map((0..length).map(|_| (text(numbers), random(numbers, depth - 1))).collect())
        }
        _ => {
            let (kind, id) = (text(numbers), Box::new(random(numbers, depth - 1)));
            Value::Handle(Handle { kind, id })
        }
    }
}

/// Bytes that are no arguments: cut off, with lengths that are lies, of kinds that do not occur, and
/// what comes of good ones by changing a byte.
pub(super) fn malformed(good: &[Value], numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let good = cbor::encode(&Value::List(good.to_vec()));
    let mut all: Vec<Vec<u8>> = [
        &b""[..],
        b"\xff",
        b"\x9f",
        b"\x9f\x01\xff",
        b"\x81",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x62\xff\xfe",
        b"\x81\xa1\x01\x02",
        b"\x81\xd8\x1b\x81\x00",
        b"\x81\xd8\x1b\x82\x61a\x41\xff",
        b"\x81\xf9\x7e\x00",
        b"\x81\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa0",
        b"\x60",
        b"\xf6",
        b"\x80\x80",
    ]
    .iter()
    .map(|bytes| bytes.to_vec())
    .collect();
    all.push([vec![0x81; 100_000], vec![0xf6]].concat());
    let cuts = (0..good.len().min(64)).map(|length| good[..length].to_vec());
    all.extend(cuts.filter(|cut| cbor::decode(cut).is_none()));
    for _ in 0..64 {
        let mut changed = good.clone();
        let at = numbers.below(changed.len() as u64) as usize;
        changed[at] = numbers.next() as u8;
        if cbor::decode(&changed).is_none() {
            all.push(changed);
        }
    }
    all
}
