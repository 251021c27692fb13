"""`make compose-test`: the images are built and docker-compose.yml is brought up, with stand-ins for foreign images."""
