"""Read our OSDI addresses as a coalition partner would: with PyPI `parsons`, in an environment of
its own. Prints what it read as JSON."""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from parsons.action_network import action_network  # noqa: E402

address, token = sys.argv[1:]
# The connector speaks OSDI to this address unless it is told another one.
action_network.API_URL = address
client = action_network.ActionNetwork(api_token=token)

petitions = client.get_petitions()
read = {
    "people": list(client.get_people(per_page=2)),
    "petitions": list(petitions),
    "signatures": [],
}
for petition in petitions:
    id = petition["_links"]["self"]["href"].rpartition("/")[2]
    read["signatures"] += list(client.get_petition_signatures(id))
first = next((each for each in read["people"] if each["given_name"]), None)
if first is not None:
    id = first["_links"]["self"]["href"].rpartition("/")[2]
    read["person"] = client.get_person(id)
    read["signatures_of_one"] = list(client.get_person_signatures(id))
print(json.dumps(read))
