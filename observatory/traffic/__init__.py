"""Demo traffic: generated people who register, edit their profiles and leave, to fill the live page."""
