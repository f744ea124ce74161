//! Vectors in the server's binary form and ours (pgvector, `src/{vector,halfvec,sparsevec}.c`, 2026: the send and
//! receive functions; PostgreSQL, `varbit.c` and `arrayfuncs.c`).

use bytes::{BufMut, Bytes};
use half::f16;

use super::kind::{Item, Kind};
use crate::model::{AnyVector, SparseVector, Vector};

/// What is wrong with bytes that should be a vector.
pub(super) type Wrong = &'static str;

const CUT: Wrong = "it is cut off";

/// What is wrong with a number that would be rounded.
const ROUNDED: Wrong = "it holds a number that no 32-bit float keeps; `row: { round: true }` of the source takes the nearest";

/// What is wrong with a vector that would be rounded to one that no query by cosine finds.
const EMPTIED: Wrong = "rounded to 32 bits all of its numbers are zero";

/// Reads a vector of a column of this kind.
pub(super) fn decode(kind: Kind, bytes: &[u8], is_rounding: bool) -> Result<AnyVector, Wrong> {
    Ok(match kind {
        Kind::Vector => AnyVector::Dense(singles(counted(bytes, 4)?)),
        Kind::Halfvec => AnyVector::Dense(halves(counted(bytes, 2)?)),
        Kind::Bit => AnyVector::Dense(bits(bytes)?),
        Kind::Sparsevec => AnyVector::Sparse(sparse(bytes)?),
        Kind::List(item) => AnyVector::Dense(list(item, bytes, is_rounding)?),
        _ => return Err("its type holds no vector"),
    })
}

/// Returns the components behind the header: i16 their number, i16 of no use.
fn counted(bytes: &[u8], width: usize) -> Result<&[u8], Wrong> {
    let (header, rest) = bytes.split_first_chunk::<4>().ok_or(CUT)?;
    let count = u16::from_be_bytes([header[0], header[1]]);
    if rest.len() == usize::from(count) * width { Ok(rest) } else { Err(CUT) }
}

/// Turns the bytes of each component around.
fn singles(bytes: &[u8]) -> Vector {
    let mut turned = vec![0; bytes.len()];
    for (to, from) in turned.as_chunks_mut::<4>().0.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *to = u32::from_be_bytes(*from).to_le_bytes();
    }
    Vector::from_le_bytes(Bytes::from(turned)).unwrap_or_default()
}

fn halves(bytes: &[u8]) -> Vector {
    Vector::from_values(
        bytes.as_chunks::<2>().0.iter().map(|half| f16::from_be_bytes(*half).to_f32()),
    )
}

/// Reads bits as zeros and ones, the first bit of a byte being its highest.
fn bits(bytes: &[u8]) -> Result<Vector, Wrong> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(CUT)?;
    let length = u32::from_be_bytes(*length) as usize;
    if rest.len() != length.div_ceil(8) {
        return Err(CUT);
    }
    let bit = |at: usize| f32::from(rest[at / 8] >> (7 - at % 8) & 1);
    Ok(Vector::from_values((0..length).map(bit)))
}

fn sparse(bytes: &[u8]) -> Result<SparseVector, Wrong> {
    let (header, rest) = bytes.split_first_chunk::<12>().ok_or(CUT)?;
    let count = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
    if rest.len() != count * 8 {
        return Err(CUT);
    }
    let (indices, values) = rest.split_at(count * 4);
    let indices =
        indices.as_chunks::<4>().0.iter().map(|index| u32::from_be_bytes(*index)).collect();
    SparseVector::new(indices, singles(values)).ok_or(CUT)
}

fn list(item: Item, bytes: &[u8], is_rounding: bool) -> Result<Vector, Wrong> {
    let items = items(bytes)?;
    if items.dimensions.len() > 1 {
        return Err("it has more than one dimension");
    }
    let mut has_number = false;
    let number = |item_bytes: Option<&[u8]>| {
        let bytes = item_bytes.ok_or("it holds a null")?;
        match item {
            Item::Float4 => Ok(f32::from_be_bytes(bytes.try_into().map_err(|_| CUT)?)),
            Item::Float8 => {
                let number = f64::from_be_bytes(bytes.try_into().map_err(|_| CUT)?);
                let nearest = number as f32;
                has_number |= number != 0.0;
                let is_kept = f64::from(nearest) == number || number.is_nan();
                if is_kept || is_rounding { Ok(nearest) } else { Err(ROUNDED) }
            }
            _ => Err("its type holds no vector"),
        }
    };
    let values = items.items.into_iter().map(number).collect::<Result<Vec<_>, _>>()?;
    if has_number && values.iter().all(|value| *value == 0.0) {
        return Err(EMPTIED);
    }
    Ok(Vector::from_values(values))
}

/// The items of an array, in order, and the lengths of its dimensions.
pub(super) struct Items<'a> {
    pub(super) dimensions: Vec<usize>,
    pub(super) items: Vec<Option<&'a [u8]>>,
}

/// Reads an array: i32 dimensions, i32 whether nulls are in it, i32 type, for each dimension i32 length and i32 first
/// index, then each item with its length.
pub(super) fn items(bytes: &[u8]) -> Result<Items<'_>, Wrong> {
    let mut rest = bytes;
    let count = take_i32(&mut rest)?;
    take_i32(&mut rest)?;
    take_i32(&mut rest)?;
    let mut dimensions = Vec::new();
    for _ in 0..count {
        dimensions.push(usize::try_from(take_i32(&mut rest)?).map_err(|_| CUT)?);
        take_i32(&mut rest)?;
    }
    let mut items = Vec::new();
    while !rest.is_empty() {
        items.push(match usize::try_from(take_i32(&mut rest)?) {
            Err(_) => None,
            Ok(length) => {
                let (item, behind) = rest.split_at_checked(length).ok_or(CUT)?;
                rest = behind;
                Some(item)
            }
        });
    }
    Ok(Items { dimensions, items })
}

fn take_i32(rest: &mut &[u8]) -> Result<i32, Wrong> {
    let (value, behind) = rest.split_first_chunk::<4>().ok_or(CUT)?;
    *rest = behind;
    Ok(i32::from_be_bytes(*value))
}

/// Appends a vector as a column of this kind takes it. It was checked before: see `fit`.
pub(super) fn encode(kind: Kind, dimension: Option<u32>, vector: &AnyVector, into: &mut Vec<u8>) {
    match (kind, vector) {
        (Kind::Vector, AnyVector::Dense(vector)) => {
            put_count(into, vector.dimension());
            put_singles(into, vector);
        }
        (Kind::Halfvec, AnyVector::Dense(vector)) => {
            put_count(into, vector.dimension());
            vector.values().for_each(|value| into.put_slice(&f16::from_f32(value).to_be_bytes()));
        }
        (Kind::Bit, AnyVector::Dense(vector)) => put_bits(into, vector),
        (Kind::Sparsevec, AnyVector::Sparse(sparse)) => put_sparse(into, dimension, sparse),
        (Kind::List(item), AnyVector::Dense(vector)) => put_list(into, item, vector),
        _ => {}
    }
}

fn put_count(into: &mut Vec<u8>, count: usize) {
    into.put_u16(u16::try_from(count).unwrap_or(u16::MAX));
    into.put_u16(0);
}

fn put_singles(into: &mut Vec<u8>, vector: &Vector) {
    let from = vector.as_le_bytes();
    let start = into.len();
    into.resize(start + from.len(), 0);
    for (to, from) in into[start..].as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<4>().0) {
        *to = u32::from_le_bytes(*from).to_be_bytes();
    }
}

fn put_bits(into: &mut Vec<u8>, vector: &Vector) {
    into.put_u32(length(vector.dimension()));
    let values: Vec<_> = vector.values().collect();
    for eight in values.chunks(8) {
        let bits = eight.iter().enumerate().map(|(at, value)| u8::from(*value != 0.0) << (7 - at));
        into.put_u8(bits.sum());
    }
}

fn put_sparse(into: &mut Vec<u8>, dimension: Option<u32>, sparse: &SparseVector) {
    let entries = sparse.sorted();
    into.put_u32(dimension.unwrap_or_default());
    into.put_u32(length(entries.len()));
    into.put_u32(0);
    entries.iter().for_each(|(index, _)| into.put_u32(*index));
    entries.iter().for_each(|(_, value)| into.put_f32(*value));
}

fn put_list(into: &mut Vec<u8>, item: Item, vector: &Vector) {
    put_list_header(into, item, vector.dimension(), false);
    for value in vector.values() {
        if item == Item::Float8 {
            into.put_u32(8);
            into.put_f64(f64::from(value));
        } else {
            into.put_u32(4);
            into.put_f32(value);
        }
    }
}

/// Appends what stands before the items of an array.
pub(super) fn put_list_header(into: &mut Vec<u8>, item: Item, count: usize, has_nulls: bool) {
    into.put_u32(u32::from(count > 0));
    into.put_u32(u32::from(has_nulls));
    into.put_u32(item.oid());
    if count > 0 {
        into.put_u32(length(count));
        into.put_u32(1);
    }
}

/// A length as the wire has it; nothing that long is ever sent.
pub(super) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(kind: Kind, dimension: Option<u32>, vector: &AnyVector) -> AnyVector {
        let mut bytes = Vec::new();
        encode(kind, dimension, vector, &mut bytes);
        decode(kind, &bytes, false).unwrap()
    }

    #[test]
    fn every_kind_comes_back() {
        let dense =
            AnyVector::Dense(Vector::from_values([0.0, -0.0, 1.5, -2.0, f32::MIN_POSITIVE]));
        for kind in [Kind::Vector, Kind::List(Item::Float4), Kind::List(Item::Float8)] {
            assert_eq!(back(kind, None, &dense), dense);
        }
        let halves = AnyVector::Dense(Vector::from_values([0.0, -1.5, 65_504.0, 5.960_464_5e-8]));
        assert_eq!(back(Kind::Halfvec, None, &halves), halves);
        let bits = AnyVector::Dense(Vector::from_values([1., 0., 0., 1., 1., 0., 1., 0., 1., 1.]));
        assert_eq!(back(Kind::Bit, None, &bits), bits);
        let values = Vector::from_values([1.5, -2.0]);
        let sparse = AnyVector::Sparse(SparseVector::new(vec![0, 999_999_999], values).unwrap());
        assert_eq!(back(Kind::Sparsevec, Some(1_000_000_000), &sparse), sparse);
        let none = AnyVector::Dense(Vector::default());
        assert_eq!(back(Kind::List(Item::Float4), None, &none), none);
    }

    #[test]
    fn a_number_that_no_single_float_keeps_is_rounded_only_where_that_is_asked() {
        let list = |number: f64| {
            let mut bytes = Vec::new();
            put_list_header(&mut bytes, Item::Float8, 1, false);
            bytes.put_u32(8);
            bytes.put_f64(number);
            bytes
        };
        let kind = Kind::List(Item::Float8);
        for (number, is_kept) in [(0.5, true), (0.1, false), (1e300, false), (f64::NAN, true)] {
            assert_eq!(decode(kind, &list(number), false).is_ok(), is_kept, "{number}");
        }
        let rounded = AnyVector::Dense(Vector::from_values([0.1]));
        assert_eq!(decode(kind, &list(0.1), true), Ok(rounded));
    }

    #[test]
    fn what_is_cut_off_is_no_vector() {
        for (kind, vector) in [
            (Kind::Vector, AnyVector::Dense(Vector::from_values([1.0, 2.0]))),
            (Kind::Halfvec, AnyVector::Dense(Vector::from_values([1.0, 2.0]))),
            (Kind::Bit, AnyVector::Dense(Vector::from_values([1.0, 0.0]))),
            (Kind::List(Item::Float4), AnyVector::Dense(Vector::from_values([1.0, 0.0]))),
        ] {
            let mut bytes = Vec::new();
            encode(kind, None, &vector, &mut bytes);
            for end in 0..bytes.len() {
                // An array that ends behind an item is a shorter one.
                let is_shorter_list = matches!(kind, Kind::List(_)) && [20, 28].contains(&end);
                assert!(
                    is_shorter_list || decode(kind, &bytes[..end], false).is_err(),
                    "{kind:?} {end}"
                );
            }
        }
    }
}
