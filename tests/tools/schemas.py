"""Validates manifests as an API server would: with the schemas of Kubernetes and the CRDs of Istio and the Gateway API.

    schemas.py SCHEMAS CRDS...

SCHEMAS is the folder that `tests/setup schemas` made, CRDS are folders with CRDs of other programs (`tests/setup pipelines`,
tests/tools/kargo). On stdin it gets a JSON list of `{"name": ..., "text": ...}`, each with YAML documents, and prints one line for each problem, `NAME: KIND/OBJECT: PATH: PROBLEM`, and at the end how much was checked.

Types, required fields, enums, patterns, lengths and unknown fields are checked by jsonschema, rules in CEL
(`x-kubernetes-validations`) by cel-python. Rules about the old state of an object do not apply, and those that use a function
which only Kubernetes has are counted, not evaluated. A manifest is checked against every version of Istio that knows all
kinds of its set.
"""

import json
import pathlib
import re
import sys

import celpy
import celpy.celtypes
import jsonschema
import jsonschema.validators
import yaml

# What only Kubernetes' own evaluator has.
FOREIGN = re.compile(
    r"\b(url|isURL|isIP|ip|isCIDR|cidr|quantity|format|semver)\(|\.(find|findAll|split|substring|lowerAscii)\(|\?\.|optional"
)
# The library knows days, too; an API server reads durations as Go does.
celpy.celtypes.DurationType.scale = {
    unit: seconds for unit, seconds in celpy.celtypes.DurationType.scale.items() if unit != "d"
}
# Read by kustomize, istioctl and Helm, not by an API server.
TOOLS = {"kustomize.config.k8s.io/v1beta1", "install.istio.io/v1alpha1"}


# That of libyaml reads the same, and faster; a wheel without it has only the other.
Safe = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(Safe):
    """YAML as Kubernetes reads it: nothing is a date."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in Safe.yaml_implicit_resolvers.items()
}


def strict(schema):
    """A structural schema as a JSON schema in which an unknown field is an error."""
    if not isinstance(schema, dict):
        return schema
    strict_schema = {
        key: value for key, value in schema.items() if key in ("enum", "pattern", "required", "minimum", "maximum",
            "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
            "minProperties", "maxProperties", "multipleOf", "type", "$ref")
    }
    if "$ref" in schema:
        strict_schema["$ref"] = schema["$ref"].replace("#/components/schemas/", "#/$defs/")
    for bound in ("Minimum", "Maximum"):
        # OpenAPI 3.0 has a flag beside the bound.
        if strict_schema.pop(f"exclusive{bound}", None) is True:
            strict_schema[f"exclusive{bound}"] = strict_schema.pop(bound.lower())
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            strict_schema[key] = [loose(part) for part in schema[key]]
    if "not" in schema:
        strict_schema["not"] = loose(schema["not"])
    if "items" in schema:
        strict_schema["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        strict_schema["additionalProperties"] = strict(schema["additionalProperties"])
    if "properties" in schema:
        strict_schema["properties"] = {key: strict(value) for key, value in schema["properties"].items()}
        if "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict_schema["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        strict_schema.pop("type", None)
        strict_schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if schema.get("nullable") and "type" in strict_schema:
        strict_schema["type"] = [strict_schema["type"], "null"]
    return strict_schema


def loose(schema):
    """A part of a combination: its fields are those of the whole, so unknown ones are not its concern."""
    loose_schema = strict(schema)
    if isinstance(loose_schema, dict) and "$ref" not in loose_schema:
        loose_schema.pop("additionalProperties", None)
    return loose_schema


def kubernetes(folder):
    """The kinds of Kubernetes: a validator for each."""
    kinds = {}
    for path in sorted(folder.glob("*_openapi.json")):
        schemas = json.loads(path.read_text())["components"]["schemas"]
        definitions = {name: strict(schema) for name, schema in schemas.items()}
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", []):
                version = "/".join(part for part in (kind["group"], kind["version"]) if part)
                root = {"$ref": f"#/$defs/{name}", "$defs": definitions}
                kinds[version, kind["kind"]] = (jsonschema.Draft202012Validator(root), None)
    return kinds


def crds(text, metadata):
    """The kinds of CRDs: a validator for each, and the schema with its rules."""
    kinds = {}
    for crd in yaml.load_all(text, Loader):
        if not crd or crd.get("kind") != "CustomResourceDefinition":
            continue
        for version in crd["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            root = strict(schema)
            root["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": metadata}
            root["additionalProperties"] = False
            name = (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"])
            kinds[name] = (jsonschema.Draft202012Validator(root), schema)
    return kinds


# What an API server knows of the metadata of every object.
METADATA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253},
        "namespace": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63},
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", "maxLength": 63},
        },
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def defaulted(schema, value):
    """A value with the defaults of its schema, which rules can rely on."""
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    filled = {key: part["default"] for key, part in fields.items() if "default" in part} | value
    part = lambda key: fields.get(key, extra if isinstance(extra, dict) else {})
    return {key: defaulted(part(key), item) for key, item in filled.items()}


def named(value):
    """As rules name fields: a field whose name is a word of CEL has underscores around it."""
    if isinstance(value, list):
        return [named(item) for item in value]
    if not isinstance(value, dict):
        return value
    words = ("namespace", "package", "loop", "const", "function", "import", "return", "var", "void", "while")
    return {key: named(item) for key, item in value.items()} | {
        f"__{key}__": named(item) for key, item in value.items() if key in words
    }


class Rules:
    """Rules in CEL, each compiled once."""

    def __init__(self):
        self.environment = celpy.Environment()
        self.programs = {}
        self.evaluated = 0
        self.foreign = set()

    def problems(self, schema, value, path=""):
        """What the rules of a schema and of its parts say of a value."""
        for rule in schema.get("x-kubernetes-validations", []):
            yield from self.problem(rule, value, path)
        if isinstance(value, dict):
            extra = schema.get("additionalProperties")
            for key, item in value.items():
                part = schema.get("properties", {}).get(key, extra if isinstance(extra, dict) else {})
                yield from self.problems(part, item, f"{path}/{key}")
        if isinstance(value, list):
            for position, item in enumerate(value):
                yield from self.problems(schema.get("items", {}), item, f"{path}/{position}")

    def problem(self, rule, value, path):
        text = rule["rule"]
        if "oldSelf" in text:
            return
        if FOREIGN.search(text):
            self.foreign.add(text)
            return
        if text not in self.programs:
            self.programs[text] = self.environment.program(self.environment.compile(text))
        self.evaluated += 1
        try:
            holds = bool(self.programs[text].evaluate({"self": celpy.json_to_cel(named(value))}))
        except celpy.CELEvalError as error:
            yield path, f"the rule `{text}` cannot be evaluated: {error}"
            return
        if not holds:
            yield path, rule.get("message") or f"the rule `{text}` does not hold"


def documents(text):
    return [document for document in yaml.load_all(text, Loader) if isinstance(document, dict) and "kind" in document]


def main(folder, *others):
    folder = pathlib.Path(folder)
    fixed = kubernetes(folder / "kubernetes")
    for place in (folder / "gateway-api", *map(pathlib.Path, others)):
        for path in sorted(place.glob("*.yaml")):
            fixed |= crds(path.read_text(), METADATA)
    versions = {
        path.name: crds((path / "customresourcedefinitions.gen.yaml").read_text(), METADATA)
        for path in sorted(folder.glob("istio-*"))
    }
    rules, checked, problems = Rules(), 0, []
    for item in json.load(sys.stdin):
        objects = [(item, o) for o in documents(item["text"]) if o.get("apiVersion") not in TOOLS]
        names = {(o.get("apiVersion"), o["kind"]) for _, o in objects} - set(fixed)
        fitting = {version: kinds for version, kinds in versions.items() if names <= set(kinds)}
        if not fitting:
            problems.append(f"{item['name']}: no version of Istio has all of {sorted(map(str, names))}")
        for version, kinds in fitting.items():
            for _, o in objects:
                checked += 1
                validator, schema = (fixed | kinds)[o.get("apiVersion"), o["kind"]]
                where = f"{item['name']} ({version}): {o['kind']}/{(o.get('metadata') or {}).get('name')}"
                found = [("/" + "/".join(map(str, e.absolute_path)), e.message) for e in validator.iter_errors(o)]
                if schema and not found:
                    found = list(rules.problems(schema, defaulted(schema, o)))
                problems.extend(f"{where}: {path}: {problem[:400]}" for path, problem in found)
    for problem in sorted(set(problems)):
        print(problem)
    print(f"{checked} objects, {rules.evaluated} rules evaluated, {len(rules.foreign)} rules of Kubernetes alone")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
