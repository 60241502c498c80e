//! A report as its line of JSON, about 210 bytes, in the form existing GPS producers send.

use greenwave_model::iso;

use super::report::{Report, VEHICLE_TYPES};

pub fn decimal(line: &mut Vec<u8>, value: u64) {
    if value >= 10 {
        decimal(line, value / 10);
    }
    line.push(b'0' + (value % 10) as u8);
}

fn padded(line: &mut Vec<u8>, mut value: u64, width: usize) {
    let start = line.len();
    line.resize(start + width, b'0');
    for digit in line[start..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// An integer as a number with so many places after the point.
pub fn fixed(line: &mut Vec<u8>, value: i32, places: u32) {
    if value < 0 {
        line.push(b'-');
    }
    let (value, unit) = (value.unsigned_abs(), 10u32.pow(places));
    decimal(line, u64::from(value / unit));
    line.push(b'.');
    padded(line, u64::from(value % unit), places as usize);
}

fn hexadecimal(line: &mut Vec<u8>, value: u64, width: u32) {
    for place in (0..width).rev() {
        line.push(b"0123456789abcdef"[(value >> (4 * place) & 0xf) as usize]);
    }
}

/// The report's id, a UUID of version 4.
pub fn id(line: &mut Vec<u8>, [high, low]: [u64; 2]) {
    hexadecimal(line, high >> 32, 8);
    line.push(b'-');
    hexadecimal(line, high >> 16, 4);
    line.extend_from_slice(b"-4");
    hexadecimal(line, high, 3);
    line.push(b'-');
    hexadecimal(line, low >> 48 & 0x3fff | 0x8000, 4);
    line.push(b'-');
    hexadecimal(line, low, 12);
}

/// Naive UTC.
fn timestamp(line: &mut Vec<u8>, ms: i64) {
    let (year, month, day) = iso::civil(ms.div_euclid(86_400_000));
    let of_day = ms.rem_euclid(86_400_000) as u64;
    let parts = [
        (year as u64, 4, b'-'),
        (u64::from(month), 2, b'-'),
        (u64::from(day), 2, b'T'),
        (of_day / 3_600_000, 2, b':'),
        (of_day / 60_000 % 60, 2, b':'),
        (of_day / 1_000 % 60, 2, b'.'),
    ];
    for (value, width, then) in parts {
        padded(line, value, width);
        line.push(then);
    }
    padded(line, of_day % 1_000, 3);
}

/// The whole line, without its end.
pub fn write(line: &mut Vec<u8>, report: &Report) {
    line.extend_from_slice(b"{\"id\":\"");
    id(line, report.id);
    line.extend_from_slice(b"\",\"device_id\":\"veh-");
    padded(line, u64::from(report.vehicle), 6);
    line.extend_from_slice(b"\",\"timestamp\":\"");
    timestamp(line, report.event_ms);
    line.extend_from_slice(b"\",\"speed\":");
    fixed(line, report.speed_e1 as i32, 1);
    line.extend_from_slice(b",\"location\":[");
    fixed(line, report.latitude_e5, 5);
    line.push(b',');
    fixed(line, report.longitude_e5, 5);
    line.extend_from_slice(b"],\"heading\":");
    fixed(line, report.heading_e1 as i32, 1);
    line.extend_from_slice(b",\"vehicle_type\":\"");
    line.extend_from_slice(VEHICLE_TYPES[usize::from(report.vehicle_type)].0.as_bytes());
    line.push(b'"');
    if let Some(segment) = report.segment {
        line.extend_from_slice(b",\"segment_id\":");
        decimal(line, u64::from(segment));
    }
    line.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_of_json() {
        let report = Report {
            id: [0x0123_4567_89ab_cdef, u64::MAX],
            vehicle: 42,
            event_ms: 1_772_438_400_250,
            speed_e1: 305,
            latitude_e5: 5_130_007,
            longitude_e5: -40,
            heading_e1: 9,
            vehicle_type: 1,
            segment: Some(9_999),
        };
        let mut line = Vec::new();
        write(&mut line, &report);
        let expected = concat!(
            r#"{"id":"01234567-89ab-4def-bfff-ffffffffffff","device_id":"veh-000042","#,
            r#""timestamp":"2026-03-02T08:00:00.250","speed":30.5,"location":[51.30007,-0.00040],"#,
            r#""heading":0.9,"vehicle_type":"taxi","segment_id":9999}"#
        );
        assert_eq!(String::from_utf8(line).as_deref(), Ok(expected));
    }
}
