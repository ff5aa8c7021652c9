"""Reads metrics with the parser of the Prometheus client for Python. Prints the samples as JSON."""

import json
import sys
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

with urlopen(sys.argv[1]) as response:
    text = response.read().decode("utf-8")
families = text_string_to_metric_families(text)
samples = [[family.type, sample.name, sample.labels, sample.value] for family in families for sample in family.samples]
print(json.dumps(samples))
