//! The names a GPS event's fields go by, and the parts of an event they mean.

/// What a member of the event, or of its `location`, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Device,
    Timestamp,
    SpeedKmh,
    SpeedMph,
    Direction,
    VehicleType,
    Road,
    Latitude,
    Longitude,
    Location,
}

impl Field {
    /// How many parts an event has: one number for each thing that may be said once. `Location` says two of them.
    pub(super) const PARTS: usize = 9;

    /// Both units of speed are one part; so are all names of a device.
    pub(super) const fn part(self) -> usize {
        match self {
            Self::Id => 0,
            Self::Device => 1,
            Self::Timestamp => 2,
            Self::SpeedKmh | Self::SpeedMph => 3,
            Self::Direction => 4,
            Self::VehicleType => 5,
            Self::Road => 6,
            Self::Latitude | Self::Location => 7,
            Self::Longitude => 8,
        }
    }

    /// As it stands in the reason of a reject.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Device => "device_id",
            Self::Timestamp => "timestamp",
            Self::SpeedKmh => "speed",
            Self::SpeedMph => "speed_mph",
            Self::Direction => "direction",
            Self::VehicleType => "vehicle_type",
            Self::Road => "road_id",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Location => "location",
        }
    }

    /// Text that may also come as a number.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Id | Self::Device | Self::Road)
    }

    /// A part the event can do without; an empty text says nothing of it.
    pub(super) fn is_optional(self) -> bool {
        matches!(self, Self::Id | Self::Direction | Self::VehicleType | Self::Road)
    }

    pub(super) fn is_coordinate(self) -> bool {
        matches!(self, Self::Latitude | Self::Longitude)
    }
}

/// One spelling of one field. No two spellings share a bit, so a set of bits tells which members were there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    pub(super) field: Field,
    pub(super) bit: u32,
}

/// The field a member's name stands for; `None` for a member nobody reads.
#[inline]
pub(super) fn spelling(name: &[u8]) -> Option<Spelling> {
    let (field, number) = match name {
        b"id" => (Field::Id, 0),
        b"device_id" => (Field::Device, 1),
        b"deviceId" => (Field::Device, 2),
        b"timestamp" => (Field::Timestamp, 3),
        b"speed" => (Field::SpeedKmh, 4),
        b"speed_kmh" => (Field::SpeedKmh, 5),
        b"speed_mph" => (Field::SpeedMph, 6),
        b"direction" => (Field::Direction, 7),
        b"heading" => (Field::Direction, 8),
        b"vehicle_type" => (Field::VehicleType, 9),
        b"vehicleType" => (Field::VehicleType, 10),
        b"road_id" => (Field::Road, 11),
        b"roadId" => (Field::Road, 12),
        b"segment_id" => (Field::Road, 13),
        b"segmentId" => (Field::Road, 14),
        b"location" => (Field::Location, 15),
        b"latitude" => (Field::Latitude, 16),
        b"lat" => (Field::Latitude, 17),
        b"longitude" => (Field::Longitude, 18),
        b"lon" => (Field::Longitude, 19),
        b"lng" => (Field::Longitude, 20),
        _ => return None,
    };
    Some(Spelling { field, bit: 1 << number })
}
