# ruff: noqa: E501  (a table is read by its rows)
"""The paper's symbols: what each is, its shape, domain and unit.

Units: L length, S time, C concentration, 1 a pure number. T is the number of
steps, (n, m) the grid, d and h the LSTM's input and hidden size, ``...`` any
image shape.
"""

from __future__ import annotations

from typing import NamedTuple


class Symbol(NamedTuple):
    """One symbol of the paper."""

    latex: str
    meaning: str
    shape: str
    domain: str
    unit: str


def _table(text: str) -> dict[str, Symbol]:
    rows = (line.split("|") for line in text.strip().splitlines())
    return {cells[0].strip(): Symbol(*(cell.strip() for cell in cells[1:])) for cells in rows}


SYMBOLS = _table(
    r"""
u | \mathbf{u} | first morphogen; in Gray-Scott the substrate | (n, m), or (T, n, m) in Eq. (12) | real, >= 0 where physical | C
v | \mathbf{v} | second morphogen; in Gray-Scott the autocatalyst | (n, m), or (T, n, m) in Eqs. (12), (15) | real, >= 0 where physical | C
d_u | D_u | diffusion coefficient of u | () | > 0 | L^2/S
d_v | D_v | diffusion coefficient of v | () | > 0 | L^2/S
dx | \Delta x | grid spacing, not given in the paper | () | > 0 | L
r_u | R_u | reaction of u, a function of (u, v) | (n, m), (n, m) -> (n, m) | any function | C/S
r_v | R_v | reaction of v, a function of (u, v) | (n, m), (n, m) -> (n, m) | any function | C/S
feed_rate | F | feed rate | () | > 0 | 1/S
kill_rate | k | kill rate | () | > 0 | 1/S
x_t | x_t | LSTM: input at step t; DDPM: noisy image after t steps | (d,); image (...) | real | 1
h_prev | h_{t-1} | hidden state before the step | (h,) | (-1, 1) | 1
w_f | W_f | input weights of the forget gate | (h, d) | real | 1
u_f | U_f | recurrent weights of the forget gate | (h, h) | real | 1
b_f | b_f | bias of the forget gate | (h,) | real | 1
w_i | W_i | input weights of the input gate | (h, d) | real | 1
u_i | U_i | recurrent weights of the input gate | (h, h) | real | 1
b_i | b_i | bias of the input gate | (h,) | real | 1
w_c | W_C | input weights of the candidate | (h, d) | real | 1
u_c | U_C | recurrent weights of the candidate | (h, h) | real | 1
b_c | b_C | bias of the candidate | (h,) | real | 1
w_o | W_o | input weights of the output gate | (h, d) | real | 1
u_o | U_o | recurrent weights of the output gate | (h, h) | real | 1
b_o | b_o | bias of the output gate | (h,) | real | 1
f_t | f_t | forget gate | (h,), or (T, h) in Eq. (16) | (0, 1) | 1
i_t | i_t | input gate | (h,), or (T, h) in Eq. (13) | (0, 1) | 1
o_t | o_t | output gate | (h,) | (0, 1) | 1
c_tilde | \tilde{C}_t | candidate cell state | (h,), or (T, h) in Eq. (13) | (-1, 1) | 1
c_prev | C_{t-1} | cell state before the step | (h,), or (T, h) in Eq. (16) | real | 1
c_t | C_t | cell state after the step | (h,) | real | 1
beta | \beta | noise schedule; beta[j] is beta_j, j = 0 .. T (beta_0 stands unused in the corrected form) | (T+1,) | (0, 1) | 1
t | t | step of the chain, or time of the SDE | () | 0 .. T; [0, 1] in the SDE | 1; S in the SDE
epsilon_t | \epsilon_t | standard normal noise | as x_t | real | 1
x | x | state of the SDE; in Eq. (14) the images x_t along the chain | (...); (T, ...) in Eq. (14) | real | 1
dt | dt | time increment; negative in the reverse SDE | () | real, not 0 | S
f | f | drift coefficient, a function of (x, t) | as x | any function | 1/S
g | g | diffusion coefficient, a function of t | () | >= 0 | S^(-1/2)
dw | d\omega | increment of a standard Brownian motion, variance \|dt\| | as x | real | S^(1/2)
score | \nabla_x \ln p_t | score of the marginal at time t, a function of (x, t) | as x | any function | 1
epsilon_theta | \epsilon_\theta(x_t, t) | output of the network along the chain | (T, ...) | real | 1
beta_t | \beta_t | noise schedule along the chain, in the order of x | (T,) | (0, 1) | 1
alpha_bar_t | \bar\alpha_t | product of 1 - beta up to t, in the order of x | (T,) | (0, 1) | 1
sigma_t | \sigma_t | standard deviation of the noise added at each step | (T,) | >= 0 | 1
z | z | standard normal noise of each step | (T, ...) | real | 1
m_react | \mathcal{M}_\text{react} | mean norm of the reaction term | () | >= 0 | that of the term
m_diff | \mathcal{M}_\text{diff} | mean norm of the diffusion term | () | > 0 | that of the term
m_it | \mathcal{M}_{i,t} | norm of term i at step t | (T,) | >= 0 | that of the term
m_react_t | \mathcal{M}_{\text{react},t} | norm of the reaction term at step t | (T,) | >= 0 | that of the term
m_diff_t | \mathcal{M}_{\text{diff},t} | norm of the diffusion term at step t | (T,) | > 0 | that of the term
""".replace(r"\|dt\|", "abs(dt)")
)
