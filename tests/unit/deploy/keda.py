"""What KEDA takes, for the fields that the chart uses; all others are refused.

Written by hand after the custom resource definitions ``keda.sh_scaledobjects.yaml`` and
``keda.sh_triggerauthentications.yaml`` (``v1alpha1``) and the parameters of KEDA's PostgreSQL scaler.
"""

from __future__ import annotations

from typing import Any


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_METADATA = _object(["name"], name=_TEXT, labels={"type": "object", "additionalProperties": _TEXT})
_NUMBER = {"type": "string", "pattern": r"^\d+(\.\d+)?$"}
# Autoscaling's own schema says what behaviour may be: HPAScalingRules of autoscaling/v2.
_POLICY = _object(
    ["type", "value", "periodSeconds"], type={"enum": ["Pods", "Percent"]}, value=_COUNT, periodSeconds=_COUNT
)
_RULES = _object(
    [], stabilizationWindowSeconds={**_COUNT, "maximum": 3600}, policies={"type": "array", "items": _POLICY}
)
_POSTGRESQL = _object(
    ["host", "port", "dbName", "userName", "sslmode", "query", "targetQueryValue"],
    host=_TEXT,
    port=_NUMBER,
    dbName=_TEXT,
    userName=_TEXT,
    sslmode=_TEXT,
    query=_TEXT,
    targetQueryValue=_NUMBER,
    activationTargetQueryValue=_NUMBER,
)
_TRIGGER = _object(
    ["type", "metadata"],
    type={"const": "postgresql"},
    metricType={"enum": ["AverageValue", "Value"]},
    metadata=_POSTGRESQL,
    authenticationRef=_object(["name"], name=_TEXT),
)
_SCALED_OBJECT = _object(
    ["scaleTargetRef", "triggers"],
    scaleTargetRef=_object(["name"], name=_TEXT),
    pollingInterval=_COUNT,
    cooldownPeriod=_COUNT,
    minReplicaCount=_COUNT,
    maxReplicaCount=_COUNT,
    advanced=_object([], horizontalPodAutoscalerConfig=_object([], behavior=_object([], scaleDown=_RULES))),
    triggers={"type": "array", "minItems": 1, "items": _TRIGGER},
)
_SECRET = _object(["parameter", "name", "key"], parameter={"const": "password"}, name=_TEXT, key=_TEXT)
_AUTHENTICATION = _object(["secretTargetRef"], secretTargetRef={"type": "array", "minItems": 1, "items": _SECRET})

SCHEMAS: dict[str, dict[str, Any]] = {
    kind: _object(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": "keda.sh/v1alpha1"},
        kind={"const": kind},
        metadata=_METADATA,
        spec=spec,
    )
    for kind, spec in {"ScaledObject": _SCALED_OBJECT, "TriggerAuthentication": _AUTHENTICATION}.items()
}
