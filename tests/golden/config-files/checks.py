async def check(server):
    return None


def slow(server):
    return None
