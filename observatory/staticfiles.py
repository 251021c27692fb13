"""Static files under hashed names, with the imports inside ES modules rewritten to them, and without their comments."""

from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from signal_log.uncommented import FOLDER, uncommented


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites imports in ES modules; otherwise ``import "./row.js"`` would stay unhashed and be cached forever.

    Each pass resolves one more level of imports; the live page's modules are nested thirteen levels deep.
    """

    support_js_module_import_aggregation = True
    max_post_process_passes = 20

    def _save(self, name: str, content: Any) -> str:
        if name.startswith(FOLDER) and name.endswith(".js"):
            content = ContentFile(uncommented(b"".join(content.chunks()).decode()).encode())
        return super()._save(name, content)
