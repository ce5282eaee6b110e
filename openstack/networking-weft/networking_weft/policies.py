"""Who may see what the drivers add to the API. Names of hosts are not for projects."""

from oslo_policy import policy

RULES = [
    policy.DocumentedRuleDefault(
        name="get_port:weft:status",
        check_str="rule:admin_only",
        description="Get ``weft:status`` attribute of a port",
        scope_types=["project"],
        operations=[
            {"method": "GET", "path": "/ports"},
            {"method": "GET", "path": "/ports/{id}"},
        ],
    ),
]


def list_rules() -> list[policy.DocumentedRuleDefault]:
    """What ``oslopolicy-sample-generator`` and Neutron load."""
    return RULES
