# The nine policies of std.workload in as little Rego as they need: no messages, no exemptions, no parameters.
package peers

import rego.v1

spec := input.request.object.spec

all_lists := ["containers", "initContainers", "ephemeralContainers"]

lists_with_resources := ["containers", "initContainers"]

default deny := false

deny if {
	some list in all_lists
	some c in spec[list]
	c.securityContext.privileged
}

deny if spec.hostNetwork

deny if spec.hostPID

deny if spec.hostIPC

deny if {
	some list in lists_with_resources
	some c in spec[list]
	some name in ["cpu", "memory"]
	not limited(c, name)
}

deny if {
	some list in lists_with_resources
	some c in spec[list]
	some name in ["cpu", "memory"]
	not requested(c, name)
}

deny if {
	is_linux
	some list in all_lists
	some c in spec[list]
	not c.securityContext.allowPrivilegeEscalation == false
}

deny if {
	is_linux
	some list in all_lists
	some c in spec[list]
	not c.securityContext.readOnlyRootFilesystem
}

deny if {
	is_linux
	some list in all_lists
	some c in spec[list]
	not drops_all(c)
}

deny if {
	is_linux
	some list in all_lists
	some c in spec[list]
	some capability in c.securityContext.capabilities.add
	trim_prefix(upper(capability), "CAP_") != "NET_BIND_SERVICE"
}

is_linux if not spec.os.name == "windows"

limited(c, name) if c.resources.limits[name]

limited(_, name) if spec.resources.limits[name]

requested(c, name) if c.resources.requests[name]

requested(_, name) if spec.resources.requests[name]

requested(c, name) if limited(c, name)

drops_all(c) if {
	some capability in c.securityContext.capabilities.drop
	trim_prefix(upper(capability), "CAP_") == "ALL"
}
