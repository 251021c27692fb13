"""The log to other systems: each relay of ``SIGNAL_LOG["RELAYS"]`` sends the events that it selects to one receiver.

What is settled is read in order of id, made into messages, and given to a sink; when the receiver has acknowledged
them, the relay's place is written down. So each event arrives at least once, and those of one object in their order.
"""
