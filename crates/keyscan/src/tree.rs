use dashu_int::UBig;

/// Products of neighbours, of neighbours of neighbours, and so on up to the product of all.
pub(crate) struct ProductTree {
    /// The leaves first, the root last. A node without neighbour goes up as it is.
    levels: Vec<Vec<UBig>>,
}

impl ProductTree {
    /// At least one leaf, none of them zero.
    pub(crate) fn new(leaves: Vec<UBig>) -> Self {
        let mut levels = vec![leaves];
        while let Some(top) = levels.last().filter(|top| top.len() > 1) {
            let above = products(top);
            levels.push(above);
        }
        Self { levels }
    }

    /// The product of all leaves.
    pub(crate) fn root(&self) -> &UBig {
        self.levels
            .last()
            .and_then(|top| top.first())
            .expect("there is a leaf")
    }

    /// Σ root / leaf. Modulo one leaf that is the product of all others: every other term has the leaf in it.
    pub(crate) fn cofactor_sum(&self) -> UBig {
        let mut sums = vec![UBig::ONE; self.levels.first().map_or(0, Vec::len)];
        for nodes in &self.levels {
            if sums.len() > 1 {
                sums = sums
                    .chunks(2)
                    .zip(nodes.chunks(2))
                    .map(|pair| match pair {
                        ([left, right], [p, q]) => left * q + right * p,
                        (alone, _) => alone.first().cloned().unwrap_or_default(),
                    })
                    .collect();
            }
        }
        sums.pop().unwrap_or_default()
    }

    /// Visits every leaf with its index and `number` modulo it.
    pub(crate) fn remainders(&self, number: &UBig, visit: &mut dyn FnMut(usize, &UBig, UBig)) {
        self.descend(self.levels.len().saturating_sub(1), 0, number, visit);
    }

    /// Depth first, so that only the remainders on the way down are in memory.
    fn descend(
        &self,
        level: usize,
        index: usize,
        number: &UBig,
        visit: &mut dyn FnMut(usize, &UBig, UBig),
    ) {
        let node = self.levels.get(level).and_then(|nodes| nodes.get(index));
        let Some(node) = node else { return };
        let remainder = number % node;
        match level.checked_sub(1) {
            None => visit(index, node, remainder),
            Some(below) => {
                self.descend(below, 2 * index, &remainder, visit);
                self.descend(below, 2 * index + 1, &remainder, visit);
            }
        }
    }
}

/// The product of all, without keeping what is in between.
pub(crate) fn product(mut numbers: Vec<UBig>) -> UBig {
    while numbers.len() > 1 {
        numbers = products(&numbers);
    }
    numbers.pop().unwrap_or(UBig::ONE)
}

fn products(numbers: &[UBig]) -> Vec<UBig> {
    numbers
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => left * right,
            alone => alone.first().cloned().unwrap_or(UBig::ONE),
        })
        .collect()
}
