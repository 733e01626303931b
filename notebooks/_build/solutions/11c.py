def my_masks(stream):
    """Return two functions, `mask(row, me, seeds)` and `read(messages, lost)`.

    `mask` returns a device's row in whole steps of 2**-16 under its masks, modulo 2**32.
    `me` is its place, and `seeds[other]` the seed that it shares with the device `other`.
    `read` returns the sum of the rows, as numbers. `messages[place]` is what a device sent.
    `lost[gone][place]` is the seed that the device `place` shared with a lost one, `gone`.
    `stream(seed, entries)` returns random whole numbers from 0 to 2**32 - 1.
    """

    ### BEGIN SOLUTION
    def mask(row, me, seeds):
        codes = np.rint(row * 2**16).astype(np.int64)
        for other, seed in seeds.items():
            shared = stream(seed, len(row))
            codes = codes + shared if other > me else codes - shared
        return codes % 2**32

    def read(messages, lost):
        total = sum(messages.values())
        for gone, seeds in lost.items():
            for place, seed in seeds.items():
                shared = stream(seed, len(total))
                total = total - shared if gone > place else total + shared
        total = total % 2**32
        return np.where(total < 2**31, total, total - 2**32) / 2**16

    return mask, read
    ### END SOLUTION
