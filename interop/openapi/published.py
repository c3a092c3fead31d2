"""What our server answers, and what our document says, against the OpenAPI file that SK publishes.

Every difference is one line of text. `differences.toml` lists those that are meant, each with its reason; any other
fails, and so does a listed one that no longer occurs.
"""

import fnmatch
import pathlib
import sys
import tomllib

import jsonschema
import yaml

import scenario
import site_of_our_own as site

HERE = pathlib.Path(__file__).resolve().parent


class Description:
    """An OpenAPI document, and what differs from it."""

    def __init__(self, path):
        self.document = yaml.safe_load(path.read_text())
        self.paths = {nameless(template): item for template, item in self.document["paths"].items()}
        self.differences = {}

    def differ(self, what, example):
        self.differences.setdefault(what, example)

    def resolve(self, value):
        while isinstance(value, dict) and "$ref" in value:
            found = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def compare(self, method, template, response):
        """One real answer."""
        operation = self.paths[nameless(template)][method]
        name, status = operation["operationId"], str(response.status_code)
        described = self.resolve(operation["responses"].get(status))
        example = f"{method.upper()} {response.url}: {response.text[:300]}"
        if described is None:
            self.differ(f"{name}: status {status} is not there", example)
            return
        content = described.get("content")
        media_type = response.headers.get("content-type", "").split(";")[0]
        if content is None:
            if response.content:
                self.differ(f"{name}: {status} has a body here, none there", example)
            return
        if media_type not in content:
            self.differ(f"{name}: {status} is {media_type} here, {', '.join(content)} there", example)
        schema = self.resolve(next(iter(content.values()))["schema"])
        body = response.json()
        for error in self.validator(schema).iter_errors(body):
            where = "/".join("" if isinstance(part, int) else str(part) for part in error.absolute_path)
            rule = "/".join(str(part) for part in error.schema_path if not isinstance(part, int))
            value = error.validator_value if error.validator in ("required", "enum", "const") else ""
            missing = [name for name in value if name not in error.instance] if error.validator == "required" else value
            self.differ(f"{name}: {status} /{where} breaks {rule} {missing}".rstrip(), example)
        for member in sorted(self.undescribed(schema, body, "")):
            self.differ(f"{name}: {status} has {member} here, not there", example)

    def validator(self, schema):
        whole = {**schema, "components": self.document["components"]}
        return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)

    def undescribed(self, schema, value, at):
        """Members that no schema describes."""
        schema = self.resolve(schema)
        if isinstance(value, list) and "items" in schema:
            return {found for item in value for found in self.undescribed(schema["items"], item, f"{at}[]")}
        if not isinstance(value, dict):
            return set()
        properties = dict(schema.get("properties", {}))
        for form in schema.get("oneOf", []) + schema.get("allOf", []):
            properties = self.resolve(form).get("properties", {}) | properties
        if not properties:
            return set()
        found = set()
        for member, inner in value.items():
            if member in properties:
                found |= self.undescribed(properties[member], inner, f"{at}/{member}")
            else:
                found.add(f"{at}/{member}")
        return found

    def compare_requests(self, ours):
        """What each document demands of requests."""
        ours_by_path, ours = ours.paths, ours.document
        theirs_by_path = self.paths
        for path in sorted(set(ours_by_path) ^ set(theirs_by_path)):
            self.differ(f"path {path}: {'here' if path in ours_by_path else 'there'} only", "")
        for path in sorted(set(ours_by_path) & set(theirs_by_path)):
            for method, theirs in theirs_by_path[path].items():
                mine = ours_by_path[path].get(method)
                if mine is None:
                    self.differ(f"{theirs['operationId']}: method {method} there only", "")
                    continue
                self.compare_parameters(theirs, mine, ours)
                if "requestBody" in theirs:
                    self.compare_bodies(theirs, mine, ours)
                for status in sorted(set(theirs["responses"]) - set(mine["responses"])):
                    self.differ(f"{theirs['operationId']}: status {status} there only", "")

    def compare_parameters(self, theirs, mine, ours):
        name = theirs["operationId"]
        there = [self.resolve(parameter) for parameter in theirs.get("parameters", [])]
        here = [look_up(ours, parameter) for parameter in mine.get("parameters", [])]
        for parameter in there:
            if parameter["in"] == "query":
                same = [other for other in here if other["name"] == parameter["name"]]
                rules = {key: value for key, value in parameter["schema"].items() if key != "description"}
                if not same or {key: same[0]["schema"].get(key) for key in rules} != rules:
                    self.differ(f"{name}: parameter {parameter['name']} is {rules} there", "")
        if len(there) != len(here):
            self.differ(f"{name}: {len(there)} parameters there, {len(here)} here", "")

    def compare_bodies(self, theirs, mine, ours):
        name = theirs["operationId"]
        there = self.resolve(theirs["requestBody"])["content"]["application/json"]["schema"]
        here = look_up(ours, mine["requestBody"]["content"]["application/json"]["schema"])
        for field in sorted(set(there["required"]) ^ set(here["required"])):
            self.differ(f"{name}: {field} is required {'there' if field in there['required'] else 'here'} only", "")
        for field in sorted(set(there["properties"]) ^ set(here["properties"])):
            self.differ(f"{name}: {field} is taken {'there' if field in there['properties'] else 'here'} only", "")
        for field in sorted(set(there["properties"]) & set(here["properties"])):
            self.compare_fields(
                f"{name}: {field}",
                self.resolve(there["properties"][field]),
                look_up(ours, here["properties"][field]),
                ours,
            )

    def compare_fields(self, name, there, here, ours):
        words = [word for word in here.get("enum", [here["const"]] if "const" in here else []) if word is not None]
        if there.get("enum", []) != words:
            self.differ(f"{name} is one of {there.get('enum')} there, {words} here", "")
        for rule in ("minLength", "maxLength", "minimum", "maximum", "default"):
            # A pattern of ours may say the same; a different number never does.
            if there.get(rule) != here.get(rule) and there.get(rule, False) is not False:
                self.differ(f"{name} has {rule} {there[rule]} there, {here.get(rule)} here", "")
        for field, schema in there.get("properties", {}).items():
            inner = here.get("properties", {}).get(field)
            if inner is None:
                self.differ(f"{name}/{field} is taken there only", "")
            else:
                self.compare_fields(f"{name}/{field}", self.resolve(schema), look_up(ours, inner), ours)

    def example_requests(self):
        """Template, name and body of each of their examples."""
        for template, item in self.document["paths"].items():
            for operation in item.values():
                body = self.resolve(operation.get("requestBody", {})).get("content", {}).get("application/json", {})
                for name, example in body.get("examples", {}).items():
                    yield template, name, self.resolve(example)["value"]


def look_up(document, value):
    while isinstance(value, dict) and "$ref" in value:
        found = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def nameless(path):
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def accepted(differences, listed):
    """Prints what is wrong with the list; whether nothing is."""
    used, unlisted = set(), []
    for what, example in sorted(differences.items()):
        matching = [number for number, entry in enumerate(listed) if fnmatch.fnmatchcase(what, entry["what"])]
        used.update(matching)
        if not matching:
            unlisted.append((what, example))
    for what, example in unlisted:
        print(f"not listed: {what}\n            {example}")
    gone = [entry["what"] for number, entry in enumerate(listed) if number not in used]
    for what in gone:
        print(f"listed, but does not occur: {what}")
    without_reason = [entry["what"] for entry in listed if len(entry.get("reason", "")) < 20]
    for what in without_reason:
        print(f"listed without a reason: {what}")
    print(f"{len(differences)} differences, {len(listed)} listed, {len(unlisted)} not listed, {len(gone)} gone")
    return not (unlisted or gone or without_reason)


class Changed:
    """An answer in which one thing is different."""

    def __init__(self, response, body=None, status=200, media_type="application/json"):
        self.url, self.status_code, self.headers = response.url, status, {"content-type": media_type}
        self.body = body or response.json()
        self.text = self.content = str(self.body)

    def json(self):
        return self.body


def unseen_changes(sample, **documents):
    """Controls: changes to a real answer that a comparison does not find."""
    method, template, response = sample
    body = response.json()
    changed = {
        "status": Changed(response, status=418),
        "media type": Changed(response, media_type="text/plain"),
        "a word": Changed(response, body | {"state": "SLEEPING"}),
        "a missing member": Changed(response, {name: value for name, value in body.items() if name != "state"}),
        "base64": Changed(response, body | {"cert": body["cert"] | {"value": "?"}}),
        "a member's member": Changed(response, body | {"cert": {"value": body["cert"]["value"]}}),
        "another member": Changed(response, body | {"colour": "red"}),
    }
    for name, document in documents.items():
        for change, answer in changed.items():
            before = len(document.differences)
            document.compare(method, template, answer)
            if len(document.differences) == before:
                yield name, change
            while len(document.differences) > before:
                document.differences.popitem()


def main():
    published = Description(pathlib.Path(sys.argv[1]) / "RP-API_V3.yml")
    ours = Description(site.ROOT / "docs/openapi/rp-api-v3.json")
    published.compare_requests(ours)
    answers = {}
    with site.demo() as (url, folder):
        for method, template, response, example in scenario.exchanges(url, folder, published.example_requests()):
            if example and response.status_code != 200:
                published.differ(f"their example \"{example}\" is answered {response.status_code}", response.text)
            published.compare(method, template, response)
            ours.compare(method, template, response)
            if response.status_code == 200 and "cert" in response.json():
                sample = (method, template, response)
            key = (template, response.status_code)
            answers[key] = answers.get(key, 0) + 1
    print(f"{sum(answers.values())} answers compared, {len(answers)} kinds (path and status)")
    wrong = [f"no success at {path}" for path in published.document["paths"] if (path, 200) not in answers]
    wrong += [f"{name}: not seen: {change}" for name, change in unseen_changes(sample, published=published, ours=ours)]
    wrong += [f"not what our own document says: {what}\n  {example}" for what, example in ours.differences.items()]
    print("\n".join(wrong), end="\n" if wrong else "")
    listed = tomllib.loads((HERE / "differences.toml").read_text()).get("difference", [])
    if not accepted(published.differences, listed) or wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
