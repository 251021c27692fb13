"""Settings of a site for the debug toolbar: the project with pages whose requests do what developers wonder about."""

from __future__ import annotations

import os

from csp.constants import NONCE, STRICT_DYNAMIC

from tests.browser.settings import *  # noqa: F403
from tests.browser.settings import CONTENT_SECURITY_POLICY, DEBUG_TOOLBAR_CONFIG, SIGNAL_LOG, TEMPLATES

DEBUG_TOOLBAR_CONFIG = {**DEBUG_TOOLBAR_CONFIG, "RESULTS_CACHE_SIZE": 6}
ROOT_URLCONF = "tests.browser.workshop_pages"
SIGNAL_LOG["MODELS"].append("auth.Group")
TEMPLATES[0]["OPTIONS"]["context_processors"].append("csp.context_processors.nonce")

if os.environ.get("POLICY") == "nonce":  # nothing but what has the page's nonce, neither of this site nor inline
    CONTENT_SECURITY_POLICY["DIRECTIVES"] |= {"script-src": [NONCE, STRICT_DYNAMIC], "style-src": [NONCE]}
