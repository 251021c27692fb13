"""Static files under hashed names, with the imports inside ES modules rewritten to them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Without this switch ``import "./row.js"`` would stay unhashed and be cached for ever."""

    support_js_module_import_aggregation = True
