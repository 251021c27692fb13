"""Demo traffic: invented people who register, change their minds and leave, so that the live page lives."""
