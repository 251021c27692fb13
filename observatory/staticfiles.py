"""Static files under hashed names, with the imports inside ES modules rewritten to them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Without the switch ``import "./row.js"`` would stay unhashed and be cached for ever.

    Each pass settles the names of one more level of imports; the live page's modules are nine deep.
    """

    support_js_module_import_aggregation = True
    max_post_process_passes = 20
