"""Writes packager/egress/src/istio/fields.json from the CRDs of Istio and the Gateway API, and Kubernetes' own schemas.

    istio_fields.py SCHEMAS

SCHEMAS is the folder that `tests/setup schemas` made. A kind is a line. What a field may be is written like this:

    "string", "integer", "count" (an integer from 0 on), "number", "boolean", "duration", "port", "integer or string"
    "=A|B"                 one of these words
    null                   anything
    [X]                    a list of X
    {"*": X}               a mapping with any keys
    {"a": X, "b!": Y}      a mapping with these fields; those with `!` must be there
    "?": [["a", "b"]]      in such a mapping: at most one of the fields of each list
"""

import json
import pathlib
import re
import sys

import yaml

NEWEST = "istio-1.31"
RULES = {"duration(self) >= duration('1ms')": "duration", "0 < self && self <= 65535": "port"}
COUNT = re.compile(r"(\(has\(self\.\w+\) \? 1 : 0\)( \+ )?)+ <= 1")


def named(parts):
    """The fields that parts of a combination require."""
    return [name for part in parts for name in part.get("required", [])]


def alternatives(schema):
    """Lists of fields of which at most one may be there."""
    for part in [schema, *schema.get("allOf", [])]:
        choice = named(part.get("oneOf", []))
        if len(choice) > 1:
            yield choice
    for rule in schema.get("x-kubernetes-validations", []):
        if COUNT.fullmatch(rule["rule"]):
            yield re.findall(r"self\.(\w+)", rule["rule"])


def shape(schema, of):
    """What a field may be. `of` follows a reference."""
    schema = of(schema)
    rules = [RULES[rule["rule"]] for rule in schema.get("x-kubernetes-validations", []) if rule["rule"] in RULES]
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return "integer or string"
    if rules:
        return rules[0]
    if "enum" in schema:
        return "=" + "|".join(schema["enum"])
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return None
    match schema.get("type"):
        case "array":
            return [shape(schema["items"], of)]
        case "object" if "properties" in schema:
            required = set(schema.get("required", [])) - {name for name, one in schema["properties"].items() if "default" in one}
            fields = schema["properties"].items()
            made = {name + "!" * (name in required): shape(one, of) for name, one in sorted(fields)}
            choices = sorted(alternatives(schema))
            return made | ({"?": choices} if choices else {})
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return {"*": shape(schema["additionalProperties"], of)}
        case "integer" if schema.get("minimum") == 0:
            return "count"
        case "string" | "integer" | "number" | "boolean" as plain:
            return plain
    return None


def same(schema):
    return schema


def kinds(folder):
    for crd in yaml.load_all(folder.read_text(), yaml.CSafeLoader):
        if crd and crd.get("kind") == "CustomResourceDefinition":
            schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            yield crd["spec"]["names"]["kind"], shape(schema["properties"]["spec"], same)


def native(folder, document):
    schemas = json.loads((folder / f"{document}_openapi.json").read_text())["components"]["schemas"]

    def of(schema):
        while reference := schema.get("$ref", *[part["$ref"] for part in schema.get("allOf", [])][:1]) if schema else None:
            schema = schemas[reference.rsplit("/", 1)[1]]
        return schema

    return schemas, of


def main(folder):
    made = dict(kinds(folder / NEWEST / "customresourcedefinitions.gen.yaml"))
    schemas, of = native(folder / "kubernetes", "api__v1")
    metadata = shape(schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"], of)
    made["metadata"] = metadata | {"managedFields": None, "ownerReferences": None}
    lines = [f"{json.dumps(kind)}:{json.dumps(made[kind], separators=(',', ':'))}" for kind in sorted(made)]
    print("{\n" + ",\n".join(lines) + "\n}")


main(pathlib.Path(sys.argv[1]))
