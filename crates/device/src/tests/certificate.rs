//! Certificates of the shape of pki.md §1.1, as far as the phone looks at them. The CA's signature is none.

use wire::{DocumentNumber, device_v1::RegisteredPerson};

pub(super) fn certificate(
    modulus: &[u8],
    person: &RegisteredPerson,
    number: &DocumentNumber,
) -> Vec<u8> {
    let ecdsa_with_sha384 =
        sequence(&[tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03])]);
    let rsa_encryption = sequence(&[
        tlv(
            0x06,
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
        ),
        tlv(0x05, &[]),
    ]);
    let rsa_key = sequence(&[tlv(0x02, &[&[0], modulus].concat()), tlv(0x02, &[1, 0, 1])]);
    let subject = name(&[
        (&[0x55, 0x04, 0x06], 0x13, "EE"),
        (
            &[0x55, 0x04, 0x03],
            0x0c,
            &format!("{},{}", person.surname, person.given_name),
        ),
        (&[0x55, 0x04, 0x04], 0x0c, &person.surname),
        (&[0x55, 0x04, 0x2a], 0x0c, &person.given_name),
        (
            &[0x55, 0x04, 0x05],
            0x13,
            &person.semantics_identifier.to_string(),
        ),
    ]);
    let directory_name = tlv(
        0xa4,
        &name(&[(&[0x55, 0x04, 0x03], 0x0c, &number.to_string())]),
    );
    let alternative_name = sequence(&[
        tlv(0x06, &[0x55, 0x1d, 0x11]),
        tlv(0x04, &sequence(&[directory_name])),
    ]);
    let to_be_signed = sequence(&[
        tlv(0xa0, &tlv(0x02, &[2])),
        tlv(0x02, &[0x11; 16]),
        ecdsa_with_sha384.clone(),
        name(&[(&[0x55, 0x04, 0x03], 0x0c, "TEST CA")]),
        sequence(&[tlv(0x17, b"261124000000Z"), tlv(0x17, b"291124000000Z")]),
        subject,
        sequence(&[
            rsa_encryption,
            tlv(0x03, &[&[0], rsa_key.as_slice()].concat()),
        ]),
        tlv(0xa3, &sequence(&[alternative_name])),
    ]);
    sequence(&[to_be_signed, ecdsa_with_sha384, tlv(0x03, &[0, 0])])
}

fn name(attributes: &[(&[u8], u8, &str)]) -> Vec<u8> {
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(oid, tag, value)| {
            tlv(
                0x31,
                &sequence(&[tlv(0x06, oid), tlv(*tag, value.as_bytes())]),
            )
        })
        .collect();
    sequence(&attributes)
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let header = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header.as_slice(), value].concat()
}
