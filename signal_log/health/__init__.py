"""What orchestrators and monitoring ask; included by ``signal_log.health_urls``."""
