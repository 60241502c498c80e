"""What the small city's values look like as rows of the lake."""

import datetime

import model
import model_traffic


def at(ms):
    return None if ms is None else datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)


def level(speed, free):
    bounds, measure = ([0.7, 0.4, 0.2], speed / free) if free else ([45, 25, 10], speed)
    return next((n for n, b in zip(["light", "moderate", "heavy"], bounds) if measure > b), "severe")


def measured(road, value, free_flow):
    speed, free = model.mean(value), free_flow.get(road)
    return {
        "road_id": road, "average_speed": speed, "vehicle_count": value[4], "report_count": value[1],
        "free_flow_speed": free, "travel_time_index": free / speed if free and speed > 0 else None,
        "congestion_level": level(speed, free), "speed_basis": "report_mean",
        "camera_speed": value[5], "camera_count": value[6],
    }  # fmt: skip


def reported(r):
    named = {"latitude": r.lat, "longitude": r.lon, "speed": r.speed, "direction": r.direction, "road_id": r.road}
    return named | {"timestamp": at(r.event)} | dict(r.more)


def vehicle(key, value, _):
    return reported(value[0]) | {"vehicle_id": key}


def camera(key, value, _):
    return reported(value[0]) | {"camera_id": key}


def weather(key, value, _):
    r, _ = value
    condition, aqi = model_traffic.of(r, "weather_condition"), model_traffic.of(r, "air_quality_index")
    bands = {None: None, 50.0: "good", 50.5: "moderate", 180.0: "unhealthy", 301.0: "hazardous"}
    said = {"condition": condition and condition.lower(), "air_quality": bands[aqi]}
    said["road_factor"] = {"Rain": 1.2, "snow": 1.5}.get(condition, 1.0)
    return reported(r) | said | {"station_id": r.device, "name": key}


def incident(key, value, _):
    r, stage = value
    said = {"incident_id": key, "severity": model.severity_of(r), "status": [None, "active", "responding"][stage]}
    return reported(r) | said


def summary(key, value, _):
    names = ["total_vehicles", "active_emergencies", "average_city_speed", "congested_roads", "roads_reporting"]
    return {"name": key, "timestamp": at(value[5])} | dict(zip(names, value))


def traffic(key, value, free_flow):
    window = {"window_s": key[1], "window_start": at(key[2]), "min_speed": value[2], "max_speed": value[3]}
    return measured(key[0], value, free_flow) | window


def current(key, value, free_flow):
    window = {"window_s": 300, "window_start": at(value[7] * model_traffic.MINUTE), "timestamp": at(value[8])}
    return measured(key, value, free_flow) | window | {"weather_factor": value[10]}


def hotspot(key, value, _):
    road, speed, free = value or (None, None, None)
    congestion = 1.0 - speed / free if value else None
    named = {"road_id": road, "congestion": congestion, "average_speed": speed, "free_flow_speed": free}
    return {"rank": key} | named


def route(key, value, _):
    now, free, length, worst, roads, silent = value
    seconds = lambda ms: None if ms is None else ms / 1000
    both = now is not None and free is not None
    return {
        "route_id": key, "travel_time_s": seconds(now), "free_flow_s": seconds(free), "length_m": length,
        "delay_s": seconds(now - free) if both else None, "travel_time_index": now / free if both else None,
        "worst_road": worst, "roads": roads, "roads_without_data": silent,
    }  # fmt: skip


def alert(key, value, _):
    named = {name: value[name] for name in ["rule", "subject", "severity", "value", "threshold"]}
    times = {"opened_at": at(value["opened"]), "cleared_at": at(value["cleared"])}
    return named | times | {"episode": key, "state": "cleared" if value["cleared"] is not None else "open"}


COLUMNS = {
    "vehicle_locations": vehicle, "road_traffic": traffic, "road_current": current, "hotspots": hotspot,
    "incidents": incident, "weather": weather, "weather_current": weather, "cameras": camera, "city_summary": summary,
    "routes": route, "alerts": alert,
}  # fmt: skip
KEYS = {"incidents": "incident_id"}
