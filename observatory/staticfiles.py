"""Static files under hashed names, with the imports inside ES modules rewritten to them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites imports in ES modules; otherwise ``import "./row.js"`` would stay unhashed and be cached forever.

    Each pass resolves one more level of imports; the live page's modules are nested thirteen levels deep.
    """

    support_js_module_import_aggregation = True
    max_post_process_passes = 20
